import { account, AUTH } from "../account.js";
import { fill, h } from "../dom.js";
import { say } from "../messages.js";
import { tokenInSight, traced } from "../trace.js";
import { complaintOf, plural, shortened } from "../words.js";
import { told, Witness } from "../witness.js";

export const title = "Thief";

const THEFT =
  "Say that a script of somebody else's got into this page. It wraps fetch, waits for the next call, and carries your " +
  "access token away. That is good until it expires, or until you sign out.";
const NOTHING =
  "There is nothing that a script could carry away. Your credentials are in cookies that only the browser and the " +
  "server see.";
const RIDING =
  "While this page is open, a script in it can act as you, by this browser. It cannot do so later, or elsewhere; and " +
  "it cannot talk the server into giving it tokens.";

/** What was stolen outlives the view and the session it was stolen from. @type {{token: string, witness: Witness} | null} */
let loot = null;
let draw = () => {};
// By whatever it was: the button here, the badge, another tab.
account.subscribe(({ type }) => void (type === "signed-out" && loot?.witness.cut()));

export function view() {
  const stage = h("div", { class: "stack" });
  const board = h("div", { class: "card stack loot" });
  const show = () =>
    fill(stage, loot ? [actions(), board] : opening(), account.transport === "hybrid" ? null : riding());
  let before = loot?.witness.state;
  draw = () => {
    fill(board, story(loot));
    const now = loot?.witness.state;
    if (now === "dead" && before !== "dead") say("The stolen token is dead.");
    before = now;
  };
  const unsubscribe = account.subscribe(({ type }) => {
    if (type === "signed-out" || type === "signed-in") show();
  });
  show();
  draw();

  function opening() {
    if (!account.signedIn) return nobody();
    return tokenInSight() ? steal() : nothing();
  }

  function steal() {
    return h(
      "div",
      { class: "card stack" },
      h("p", {}, THEFT),
      h("p", {}, "It cannot have your refresh token: that is in a cookie that no script can read."),
      h(
        "div",
        { class: "row" },
        h("button", { type: "button", class: "cut", onclick: take }, "Steal the access token"),
      ),
    );
  }

  function take() {
    const token = tokenInSight();
    if (token === null) return;
    loot?.witness.stop();
    loot = { token, witness: new Witness(`Bearer ${token}`, () => draw()).start() };
    show();
    draw();
    stage.querySelector("button")?.focus();
  }

  function actions() {
    const out = h("button", { type: "button", class: "cut", onclick: () => void cut() }, "Sign out, and watch");
    const drop = h("button", { type: "button", class: "plain", onclick: giveUp }, "Throw it away");
    return h("div", { class: "row" }, account.signedIn ? out : h("a", { href: "#signin" }, "Sign in again"), drop);
  }

  function giveUp() {
    loot?.witness.stop();
    loot = null;
    show();
    document.querySelector("h1")?.focus();
  }

  async function cut() {
    try {
      await account.logout();
      document.querySelector("h1")?.focus();
    } catch (error) {
      say(complaintOf(error), "no");
    }
  }

  return {
    lead: "What could somebody steal here, and for how long would it be good?",
    content: stage,
    leave() {
      unsubscribe();
      draw = () => {};
    },
  };
}

/** @param {typeof loot} stolen */
function story(stolen) {
  if (!stolen) return null;
  const { token, witness } = stolen;
  const { state, accepted, late, refused, refusals } = witness;
  return [
    h(
      "p",
      {},
      h("code", {}, shortened(token)),
      " is replayed from outside, five times a second: ",
      h("code", {}, "GET /api/posts/"),
    ),
    h(
      "div",
      { class: "row" },
      h("span", { class: state === "alive" ? "chip alive" : "chip dead" }, state),
      `accepted ${plural(accepted, "time")}, refused ${plural(refused, "time")}`,
    ),
    refusals.length
      ? h(
          "ul",
          { class: "refusals" },
          refusals.map((each) => h("li", {}, told(each))),
        )
      : null,
    state === "dead" ? h("p", { class: "soft" }, verdict(late)) : null,
  ];
}

/** @param {number} late */
function verdict(late) {
  const times = late ? `it was accepted ${plural(late, "more time")}` : "it was not accepted once";
  return `After the sign-out was confirmed ${times}. The promise is: within a second, everywhere.`;
}

function nobody() {
  return h(
    "p",
    { class: "card" },
    "Nobody is signed in: there is nothing to steal. ",
    h("a", { href: "#signin" }, "Sign in"),
    " with the transport hybrid, then with cookie, and come back.",
  );
}

function nothing() {
  const readable = document.cookie || "(empty)";
  return h(
    "div",
    { class: "card stack" },
    h("p", {}, NOTHING),
    h(
      "dl",
      { class: "facts" },
      h("dt", {}, "document.cookie"),
      h("dd", { class: "mono" }, readable),
      h("dt", {}, "access token"),
      h("dd", {}, "never came past any script"),
    ),
    document.cookie
      ? h("p", { class: "soft" }, "The CSRF token is no credential: it is worth nothing without the session's cookie.")
      : null,
  );
}

/** The honest rest. */
function riding() {
  if (!account.signedIn) return null;
  const outcome = h("p", { class: "live", role: "status" });
  const attempt = async () => {
    const body = JSON.stringify({ transport: "bearer" });
    const headers = { "Content-Type": "application/json" };
    const response = await traced(`${AUTH}refresh/`, { method: "POST", headers, body, credentials: "include" });
    const names = Object.keys(await response.json()).join(", ");
    fill(outcome, `The server answers ${response.status} with: ${names}. No token among them.`);
  };
  return h(
    "div",
    { class: "card stack" },
    h("h2", {}, "What it can still do"),
    h("p", {}, RIDING),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", class: "plain", onclick: () => void attempt() }, "Ask for a bearer token"),
    ),
    outcome,
  );
}

// Under the hood: the last calls, what travelled where, and what a script can read of it.

import { account } from "./account.js";
import { byId, fill, h } from "./dom.js";
import { lanes } from "./lanes.js";
import { tick } from "./badge.js";
import { hiddenCookies, lastCalls, onCall, tokenInSight } from "./trace.js";
import { brief, shortened } from "./words.js";

/** How many calls one can go back to. */
const SHOWN = 5;

/** @type {import("./trace.js").Call | null} null: always the newest */
let pinned = null;

export function openHood() {
  const buttons = Array.from({ length: SHOWN }, (_, index) => callButton(index));
  const picture = h("div", { class: "picture" });
  const readable = h("dl", { class: "facts" });
  fill(
    byId("hood"),
    h("h2", { id: "hood-title" }, "Under the hood"),
    h("p", { class: "hood-lead" }, "Which credential just travelled where."),
    picture,
    h("h3", {}, "What a script can read here"),
    readable,
    h("h3", {}, "The last calls"),
    h(
      "ol",
      { class: "calls", "aria-label": "The last calls, the newest first" },
      buttons.map((button) => h("li", {}, button)),
    ),
  );

  const draw = () => {
    const calls = lastCalls();
    if (pinned && !calls.includes(pinned)) pinned = null;
    const chosen = pinned ?? calls[0];
    buttons.forEach((button, index) => label(button, calls[index], chosen));
    fill(picture, chosen ? lanes(chosen) : h("p", {}, "Nothing yet."));
    fill(readable, facts());
    tick();
  };

  /** @param {number} index */
  function callButton(index) {
    const pin = () => {
      pinned = lastCalls()[index] ?? null;
      if (index === 0) pinned = null;
      draw();
    };
    return h("button", { type: "button", class: "call", hidden: true, onclick: pin });
  }

  onCall(draw);
  account.subscribe(() => draw());
  draw();
}

/**
 * In place, so that the focus stays.
 * @param {HTMLElement} button @param {import("./trace.js").Call | undefined} call @param {unknown} chosen
 */
function label(button, call, chosen) {
  button.hidden = call === undefined;
  if (!call) return;
  button.setAttribute("aria-pressed", String(call === chosen));
  const times = call.times > 1 ? ` ×${call.times}` : "";
  const queries = call.queries === null ? "" : `${call.queries} q`;
  fill(
    button,
    h("span", { class: `status s${Math.floor(call.status / 100)}` }, call.status || "—"),
    h("span", { class: "what" }, `${call.method} ${brief(call.path)}${times}`),
    h("span", { class: "cost", title: "database queries" }, queries),
  );
}

function facts() {
  const token = account.signedIn ? tokenInSight() : null;
  return [
    fact("document.cookie", document.cookie.replace(/=[^;]*/g, "=…") || "empty"),
    fact("localStorage", stored(localStorage)),
    fact("sessionStorage", stored(sessionStorage)),
    fact("access token", tokenFact(token)),
    fact("refresh token", "never came past any script"),
    fact("hidden cookies", hiddenCookies().join(", ") || "none"),
    fact(account.transport === "session" ? "session ends in" : "token ends in", h("span", { "data-life": true })),
  ];
}

/** @param {string | null} token */
function tokenFact(token) {
  if (!account.signedIn) return "there is none";
  return token ? `in memory: ${shortened(token)}` : "never came past any script";
}

/** @param {string} name @param {string | Node} value */
function fact(name, value) {
  return [h("dt", {}, name), h("dd", { class: "mono" }, value)];
}

/** @param {Storage} storage */
function stored(storage) {
  return Object.keys(storage).join(", ") || "empty";
}

// The badge: who you are here, and how long its token lives.

import { account } from "./account.js";
import { byId, fill, h, svg } from "./dom.js";
import { say } from "./messages.js";
import { clock, complaintOf } from "./words.js";

/** The longest time that was left of this kind of token: the whole bar. */
let whole = 0;

/** Draw it anew. @param {"clipped" | "fallen" | ""} [motion] */
export function drawBadge(motion = "") {
  const badge = byId("badge");
  document.body.classList.toggle("signed-out", !account.signedIn);
  badge.className = `badge ${motion}`;
  whole = 0;
  fill(badge, account.signedIn ? wearer() : visitor());
  tick();
}

function visitor() {
  return [
    h("p", { class: "house" }, "Lanyard microblog"),
    h("div", { class: "face", "aria-hidden": "true" }, "?"),
    h("div", {}, h("p", { class: "name" }, "Visitor"), h("p", { class: "small soft" }, "Nobody is signed in here.")),
  ];
}

function wearer() {
  return [
    h("p", { class: "house" }, "Lanyard microblog"),
    h("div", { class: "face", "aria-hidden": "true" }, account.name.slice(0, 1).toUpperCase()),
    h(
      "div",
      {},
      h("p", { class: "name" }, account.name),
      h(
        "ul",
        { class: "roles", "aria-label": "Roles" },
        account.roles.map((role) => h("li", { class: "chip" }, role)),
      ),
    ),
    h(
      "div",
      { class: "life" },
      h("p", { class: "life-line" }, h("span", {}, `${account.transport} transport`), h("span", { "data-life": true })),
      svg(
        "svg",
        { class: "life-bar", "aria-hidden": "true", preserveAspectRatio: "none", viewBox: "0 0 100 6" },
        svg("rect", { height: 6, rx: 3 }),
      ),
    ),
    h("button", { type: "button", class: "cut", id: "sign-out", onclick: () => void signOut() }, "Sign out"),
  ];
}

async function signOut() {
  try {
    await account.logout();
  } catch (error) {
    say(`Not signed out: ${complaintOf(error)}`, "no");
  }
}

/** Once a second: how much of the token's life is left, wherever that is shown. */
export function tick() {
  const left = account.expiresIn;
  whole = Math.max(whole, left ?? 0);
  for (const element of document.querySelectorAll("[data-life]")) {
    const text = left === null ? "—" : left > 86400 ? `${Math.floor(left / 86400)} days` : clock(left);
    if (element.textContent !== text) element.textContent = text;
  }
  const share = left === null || whole === 0 ? 0 : left / whole;
  document.querySelector(".life-bar rect")?.setAttribute("width", String(Math.round(share * 1000) / 10));
}

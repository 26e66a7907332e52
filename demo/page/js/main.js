// The page: finds out who is signed in, then shows the view that the address asks for.

import { account } from "./account.js";
import { drawBadge, tick } from "./badge.js";
import { byId, fill, h } from "./dom.js";
import { openHood } from "./hood.js";
import { say } from "./messages.js";
import { putPhonesAway } from "./phones.js";
import { complaintOf } from "./words.js";
import * as devices from "./views/devices.js";
import * as feed from "./views/feed.js";
import * as moderation from "./views/moderation.js";
import * as password from "./views/password.js";
import * as signin from "./views/signin.js";
import * as thief from "./views/thief.js";
import * as tokens from "./views/tokens.js";

/**
 * @typedef {{content: Node, lead?: string, focus?: () => void, leave?: () => void}} Shown
 * @typedef {{title: string, needs?: string, view: () => Shown}} View
 */

/** In the order of the menu. @type {Record<string, View>} */
const VIEWS = { feed, devices, tokens, password, thief, moderation, signin };

/** Why a session ended, for people. @type {Record<string, string>} */
const REASONS = {
  logout: "You are signed out.",
  token_revoked: "This session was ended elsewhere.",
  not_authenticated: "This session is over.",
  session_expired: "This session has expired.",
  user_inactive: "This account is switched off.",
};

/** @type {Shown | null} */
let shown = null;
let name = "";

/** Whether somebody like this may see the view at all. @param {string} each */
function allowed(each) {
  if (each === "signin") return !account.signedIn;
  const { needs } = /** @type {View} */ (VIEWS[each]);
  return !needs || (account.signedIn && (needs === "account" || account.roles.includes(needs)));
}

/** @param {{keepFocus?: boolean}} [options] */
function show({ keepFocus = false } = {}) {
  const wanted = location.hash.slice(1) || "feed";
  if (!(wanted in VIEWS)) return; // a place on the page
  name = allowed(wanted) ? wanted : account.signedIn ? "feed" : "signin";
  if (name !== wanted) history.replaceState(null, "", `#${name}`);
  const { title, view } = /** @type {View} */ (VIEWS[name]);
  shown?.leave?.();
  shown = view();
  const heading = h("h1", { tabindex: -1 }, title);
  const lead = shown.lead ? h("p", { class: "soft lead" }, shown.lead) : null;
  fill(byId("main"), h("div", { class: "view" }, heading, lead, shown.content));
  document.title = `${title} · Lanyard`;
  drawMenu();
  if (!keepFocus) {
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function drawMenu() {
  const links = Object.entries(VIEWS)
    .filter(([each]) => allowed(each))
    .map(([each, { title }]) => {
      const current = each === name ? { "aria-current": "page" } : {};
      return h("li", {}, h("a", { href: `#${each}`, ...current }, title));
    });
  fill(byId("nav"), links);
}

/** @param {{type: string, reason: string | null}} event */
function happened({ type, reason }) {
  if (type === "signed-in") {
    say(`Welcome, ${account.name}.`);
    drawBadge("clipped");
    go(name === "signin" ? "feed" : name);
  } else if (type === "signed-out") {
    putPhonesAway();
    say(REASONS[reason ?? ""] ?? `You are signed out: ${reason}.`, reason === "logout" ? "ok" : "no");
    drawBadge("fallen");
    go(name === "thief" ? "thief" : "signin");
  } else {
    if (type === "changed") drawBadge();
    drawMenu();
    tick();
  }
}

/** @param {string} to */
function go(to) {
  if (location.hash !== `#${to}`) location.hash = to;
  else if (to !== "thief") show();
  else drawMenu(); // that view looks after itself
}

async function start() {
  try {
    await account.restore();
  } catch (error) {
    say(`Whether you are signed in cannot be known now: ${complaintOf(error)}`, "no");
  }
  account.subscribe(happened);
  openHood();
  drawBadge();
  show({ keepFocus: true });
  document.body.classList.remove("starting");
  addEventListener("hashchange", () => show());
  addEventListener("focus", () => shown?.focus?.());
  setInterval(tick, 1_000);
}

document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  document.querySelector("h1")?.focus();
});

void start();

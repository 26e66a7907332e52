// Short messages: read out by screen readers, and laid over the page so that they move nothing.

import { byId, h } from "./dom.js";

/** Milliseconds. */
const SHOWN = 6_000;

/** @param {string} text @param {"ok" | "no"} [kind] */
export function say(text, kind = "ok") {
  const message = h("p", { class: kind }, text);
  const board = byId("messages");
  board.append(message);
  while (board.childElementCount > 3) board.firstElementChild?.remove();
  setTimeout(() => message.remove(), SHOWN);
}

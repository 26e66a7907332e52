import { h } from "../dom.js";
import { postList } from "../posts.js";

export const title = "Moderation";
export const needs = "staff";

export function view() {
  const posts = postList("/api/moderation/", () => true);
  void posts.load();
  return {
    lead: "You see this since your token says “staff”. The server asks the token too, and needs no query for you.",
    content: h("div", { class: "stack" }, posts.content),
    focus: () => void posts.load(),
  };
}

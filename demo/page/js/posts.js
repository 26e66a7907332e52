// A list of posts, as the feed and the moderators see it.

import { account } from "./account.js";
import { fill, h } from "./dom.js";
import { say } from "./messages.js";
import { ago, complaintOf, when } from "./words.js";

/** @typedef {{id: number, author: number, author_name: string, text: string, created_at: string}} Post */

/** @param {string} url @param {(post: Post) => boolean} mayDelete */
export function postList(url, mayDelete) {
  const list = h("ol", { class: "posts", "aria-label": "Posts" });
  const older = h(
    "button",
    { type: "button", class: "plain", hidden: true, onclick: () => void load(next, true) },
    "Older posts",
  );
  /** @type {string | null} */
  let next = null;

  /** @param {string | null} from @param {boolean} [more] */
  async function load(from = url, more = false) {
    if (from === null) return;
    try {
      const page = await account.call(from);
      next = page.next;
      const items = page.results.map((/** @type {Post} */ post) => item(post));
      if (more) list.append(...items);
      else fill(list, items);
      if (!list.childElementCount) fill(list, h("li", { class: "soft" }, "Nothing here yet."));
      older.hidden = next === null;
    } catch (error) {
      say(complaintOf(error), "no");
    }
  }

  /** @param {Post} post */
  function item(post) {
    const element = h(
      "li",
      { class: "post" },
      h(
        "p",
        { class: "post-head" },
        h("b", {}, post.author_name),
        h(
          "time",
          { datetime: post.created_at, title: when(post.created_at), class: "soft small" },
          ago(post.created_at),
        ),
      ),
      h("p", { class: "post-text" }, post.text),
    );
    if (mayDelete(post)) element.append(deleteButton(post, element));
    return element;
  }

  /** @param {Post} post @param {HTMLElement} element */
  function deleteButton(post, element) {
    const label = `Delete ${post.author_name}'s post: ${post.text.slice(0, 40)}`;
    return h(
      "button",
      { type: "button", class: "cut slim", "aria-label": label, onclick: () => void remove(post, element) },
      "Delete",
    );
  }

  /** @param {Post} post @param {HTMLElement} element */
  async function remove(post, element) {
    try {
      await account.call(`/api/posts/${post.id}/`, { method: "DELETE" });
      const neighbour = /** @type {HTMLElement | null} */ (
        element.nextElementSibling ?? element.previousElementSibling
      );
      element.remove();
      (neighbour?.querySelector("button") ?? document.querySelector("h1"))?.focus();
      say("Deleted.");
    } catch (error) {
      say(complaintOf(error), "no");
    }
  }

  return { content: h("div", { class: "stack" }, list, h("div", {}, older)), load };
}

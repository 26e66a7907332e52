import { account } from "../account.js";
import { h } from "../dom.js";
import { field, form, submit } from "../form.js";
import { say } from "../messages.js";
import { postList } from "../posts.js";

export const title = "Feed";

export function view() {
  const mine = (/** @type {{author: number}} */ post) =>
    String(post.author) === String(account.user?.id) || account.roles.includes("staff");
  const posts = postList("/api/posts/", account.signedIn ? mine : () => false);
  void posts.load();
  return {
    lead: account.signedIn ? "" : "Fast to show, instant to cut. Sign in, and watch what your badge does.",
    content: h("div", { class: "stack" }, account.signedIn ? writer(posts.load) : invitation(), posts.content),
    focus: () => void posts.load(),
  };
}

/** @param {() => Promise<void>} reload */
function writer(reload) {
  return h(
    "div",
    { class: "card" },
    form(
      async ({ text }, element) => {
        await account.call("/api/posts/", { method: "POST", body: { text } });
        element.reset();
        say("Posted.");
        await reload();
      },
      field({ name: "text", label: `What is new, ${account.name}?`, type: "textarea", maxlength: 500, required: true }),
      h("div", { class: "row" }, submit("Post")),
    ),
  );
}

function invitation() {
  return h("p", { class: "card soft" }, "Anyone may read. ", h("a", { href: "#signin" }, "Sign in"), " to write.");
}

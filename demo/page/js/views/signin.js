import { account } from "../account.js";
import { h } from "../dom.js";
import { field, form, submit } from "../form.js";
import { browserOf } from "../words.js";

const PEOPLE = ["alice", "bob", "admin"];
const PASSWORD = "wonderland"; // of this demo's people, printed by its tour

const TRANSPORTS = [
  [
    "hybrid",
    "Hybrid",
    "For single-page apps. A short-lived access token in this page's memory; a cookie that no script can read renews it.",
  ],
  [
    "cookie",
    "Cookie",
    "For web apps on one site. Both tokens in cookies that no script can read: nothing here to steal.",
  ],
  ["session", "Session", "Django's own, as in its admin. Each request asks the database; writing needs a CSRF token."],
  [
    "bearer",
    "Bearer",
    "For phones and scripts, which keep both tokens themselves. The server refuses it to browsers. Try it.",
  ],
];

export const title = "Sign in";

export function view() {
  const people = PEOPLE.map((name) =>
    h("button", { type: "button", class: "plain slim", onclick: () => become(name) }, name),
  );
  const element = form(
    send,
    h(
      "div",
      { class: "pair" },
      field({ name: "username", label: "Name", required: true, autocomplete: "username", autocapitalize: "none" }),
      field({
        name: "password",
        label: "Password",
        type: "password",
        required: true,
        autocomplete: "current-password",
      }),
    ),
    h(
      "div",
      { class: "row", role: "group", "aria-label": "Fill in one of the demo's people" },
      h("span", { class: "small soft" }, "Fill in as"),
      people,
    ),
    h("fieldset", {}, h("legend", {}, "How should the credentials travel?"), TRANSPORTS.map(choice)),
    field({ name: "device", label: "Call this device", value: browserOf(navigator.userAgent), maxlength: 60 }),
    h("div", { class: "row" }, submit("Sign in")),
  );

  /** @param {string} name */
  function become(name) {
    set("username", name);
    set("password", PASSWORD);
    /** @type {HTMLElement} */ (element.querySelector("[type=submit]")).focus();
  }

  /** @param {string} name @param {string} value */
  function set(name, value) {
    /** @type {HTMLInputElement} */ (element.elements.namedItem(name)).value = value;
  }

  return { content: h("div", { class: "card" }, element) };
}

/** @param {string[]} transport @param {number} index */
function choice([value, name, about], index) {
  return h(
    "label",
    { class: "choice" },
    h("input", {
      type: "radio",
      name: "transport",
      value,
      checked: index === 0,
      "aria-labelledby": `is-${value}`,
      "aria-describedby": `about-${value}`,
    }),
    h("b", { id: `is-${value}` }, name),
    h("span", { class: "small", id: `about-${value}` }, about),
  );
}

/** @param {Record<string, string>} values */
async function send({ username = "", password = "", device = "", transport = "" }) {
  await account.login({ username, password, device, transport });
}

// Forms: a label for every field, complaints next to the button, no double submission.

import { fill, h } from "./dom.js";
import { complaintOf } from "./words.js";

/**
 * @param {{name: string, label: string, hint?: string, type?: string, value?: string, [attribute: string]: unknown}} about
 */
export function field({ name, label, hint, type = "text", ...attributes }) {
  const id = `field-${name}`;
  const described = hint ? { "aria-describedby": `${id}-hint` } : {};
  const tag = type === "textarea" ? "textarea" : "input";
  const kind = tag === "input" ? { type } : {};
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    h(tag, { id, name, ...kind, ...described, ...attributes }),
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null,
  );
}

/** A submit button that is used by `form`. @param {string} text @param {string} [kind] */
export function submit(text, kind = "") {
  return h("button", { type: "submit", class: kind }, text);
}

/**
 * A form that calls `send` with its values. What that throws is shown, read out, and the first field is focused.
 * @param {(values: Record<string, string>, form: HTMLFormElement) => Promise<unknown>} send
 * @param {...import("./dom.js").Child} children
 */
export function form(send, ...children) {
  const complaint = h("p", { class: "complaint", role: "alert" });
  const element = /** @type {HTMLFormElement} */ (h("form", { method: "post", novalidate: true }, ...children));
  element.querySelector("[type=submit]")?.after(complaint);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    void run(element, complaint, send);
  });
  return element;
}

/** @param {HTMLFormElement} element @param {HTMLElement} complaint @param {Parameters<typeof form>[0]} send */
async function run(element, complaint, send) {
  const button = /** @type {HTMLButtonElement} */ (element.querySelector("[type=submit]"));
  if (button.getAttribute("aria-busy") === "true") return;
  const empty = /** @type {HTMLInputElement | null} */ (element.querySelector(":invalid:not(fieldset)"));
  mark(element, empty);
  if (empty) return void (fill(complaint, `Please fill in: ${labelOf(empty)}.`), empty.focus());
  button.setAttribute("aria-busy", "true"); // not disabled: that would lose the focus
  fill(complaint);
  try {
    await send(Object.fromEntries([...new FormData(element)].map(([name, value]) => [name, String(value)])), element);
  } catch (error) {
    fill(complaint, complaintOf(error));
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** @param {HTMLFormElement} element @param {Element | null} wrong */
function mark(element, wrong) {
  for (const each of element.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
  wrong?.setAttribute("aria-invalid", "true");
}

/** @param {HTMLInputElement} input */
function labelOf(input) {
  return input.labels?.[0]?.textContent ?? input.name;
}

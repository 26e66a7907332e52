import { account, AUTH } from "../account.js";
import { fill, h } from "../dom.js";
import { field, form, submit } from "../form.js";
import { say } from "../messages.js";
import { told, Witness } from "../witness.js";
import { ago, complaintOf, plural, when } from "../words.js";

export const title = "Tokens";
export const needs = "account";

const ALL = `${AUTH}api-tokens/`;
const LIFETIMES = [
  ["86400", "a day"],
  ["2592000", "30 days"],
  ["", "for ever"],
];

/**
 * @typedef {{id: string, name: string, ends_in: string, scopes: string[], created_at: string, expires_at: string | null,
 *   last_used_at: string | null}} Token
 */

export function view() {
  const list = h("ul", { class: "devices", "aria-label": "API tokens" });
  const shown = h("div", { class: "shown-once" });
  /** @type {{id: string, witness: Witness} | null} */
  let fresh = null;

  async function load() {
    try {
      const tokens = /** @type {Token[]} */ (await account.call(ALL));
      fill(list, tokens.length ? tokens.map(row) : h("li", { class: "soft" }, "You have no API tokens."));
    } catch (error) {
      if (account.signedIn) say(complaintOf(error), "no");
    }
  }

  /** @param {Record<string, string>} values @param {HTMLFormElement} element */
  async function create({ name, lifetime }, element) {
    const body = { name, expires_in: lifetime ? Number(lifetime) : null };
    const made = await account.call(ALL, { method: "POST", body });
    element.reset();
    show(made);
    await load();
  }

  /** @param {Token & {token: string}} made */
  function show({ id, name, token }) {
    fresh?.witness.stop();
    const live = h("div", { class: "live stack" });
    const witness = new Witness(`Token ${token}`, () => fill(live, liveText(witness)));
    fresh = { id, witness };
    const use = h(
      "button",
      { type: "button", class: "plain", onclick: () => void witness.start() },
      "Let a script use it",
    );
    const heading = h("h2", { tabindex: -1 }, `“${name}” is shown only now`);
    fill(
      shown,
      h(
        "div",
        { class: "card stack" },
        heading,
        secret(token),
        h("div", { class: "row" }, copyButton(token), use),
        live,
        curl(token),
      ),
    );
    heading.focus();
  }

  /** @param {Token} token */
  function row(token) {
    const revoke = async () => {
      try {
        await account.call(`${ALL}${token.id}/`, { method: "DELETE" });
        if (fresh?.id === token.id) fresh.witness.cut();
        say(`“${token.name}” is revoked.`);
        await load();
        document.querySelector("h1")?.focus();
      } catch (error) {
        say(complaintOf(error), "no");
      }
    };
    return h(
      "li",
      { class: "device" },
      h("div", { class: "device-head" }, h("b", {}, token.name), h("code", { class: "chip" }, `lan_…${token.ends_in}`)),
      h("p", { class: "small soft" }, factsOf(token)),
      h(
        "button",
        { type: "button", class: "cut slim", "aria-label": `Revoke ${token.name}`, onclick: () => void revoke() },
        "Revoke",
      ),
    );
  }

  void load();
  return {
    lead: "Keys for scripts. They last until you revoke them; only their digest is stored.",
    content: h("div", { class: "stack" }, h("div", { class: "card" }, creator(create)), shown, list),
    focus: () => void load(),
    leave: () => fresh?.witness.stop(),
  };
}

/** @param {Parameters<typeof form>[0]} create */
function creator(create) {
  const id = "field-lifetime";
  return form(
    create,
    field({
      name: "name",
      label: "What is it for?",
      required: true,
      maxlength: 100,
      autocomplete: "off",
      placeholder: "Nightly export",
    }),
    h(
      "div",
      { class: "field" },
      h("label", { for: id }, "It is good"),
      h(
        "select",
        { id, name: "lifetime" },
        LIFETIMES.map(([value, text]) => h("option", { value }, text)),
      ),
    ),
    h("div", { class: "row" }, submit("Create a token")),
  );
}

/** @param {string} token */
function secret(token) {
  return h("code", { class: "secret" }, token);
}

/** @param {string} token */
function copyButton(token) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(token);
      say("Copied.");
    } catch {
      say("The browser does not let this page copy. Select the token and copy it yourself.", "no");
    }
  };
  return h("button", { type: "button", onclick: () => void copy() }, "Copy");
}

/** @param {string} token */
function curl(token) {
  const command = `curl ${location.origin}/auth/me/ -H "Authorization: Token ${token}"`;
  return h("div", {}, h("h3", {}, "In a terminal"), h("pre", { class: "mono" }, command));
}

/** @param {Token} token */
function factsOf({ created_at: made, expires_at: ends, last_used_at: used }) {
  return `made ${ago(made)} · last used ${ago(used)} · ${ends ? `ends ${when(ends)}` : "never ends"}`;
}

/** @param {Witness} witness */
function liveText({ state, accepted, refusals }) {
  const calls = `accepted ${plural(accepted, "time")}`;
  if (!refusals.length) return h("span", { class: "chip alive" }, `in use: ${calls}`);
  return [
    h("div", { class: "row" }, h("span", { class: "chip dead" }, state), calls),
    h(
      "ul",
      { class: "refusals" },
      refusals.map((each) => h("li", {}, told(each))),
    ),
  ];
}

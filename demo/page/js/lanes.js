// One call as a picture: three lanes (this script, the browser's cookies, the server), and what went between them.

import { h } from "./dom.js";
import { brief, plural } from "./words.js";

/** @typedef {"request" | "header" | "cookie" | "body" | "answer" | "set"} Kind */
/** @typedef {{kind: Kind, name: string, what: string}} Step */

/** From where to where each kind goes, as it is read out. @type {Record<Kind, string>} */
const WAYS = {
  request: "From the script to the server",
  header: "From the script to the server",
  body: "From the script to the server",
  cookie: "From the cookies to the server",
  answer: "From the server to the script",
  set: "From the server to the cookies",
};

/** @param {import("./trace.js").Call} call */
export function lanes(call) {
  return [
    h(
      "div",
      { class: "lanes-head", "aria-hidden": "true" },
      h("span", {}, "script"),
      h("span", {}, "cookies"),
      h("span", {}, "server"),
    ),
    h(
      "ol",
      { class: "lanes", "aria-label": `What travelled with ${call.method} ${call.path}` },
      steps(call).map(arrow),
    ),
    h("p", { class: "summary" }, summary(call)),
  ];
}

/** @param {Step} step */
function arrow({ kind, name, what }) {
  return h(
    "li",
    { class: `step ${kind}` },
    h("span", { class: "for-readers" }, `${WAYS[kind]}: `),
    h("span", { class: "label" }, h("b", {}, name), " ", what),
    h("span", { class: "arrow", "aria-hidden": "true" }),
  );
}

/** @param {import("./trace.js").Call} call @returns {Step[]} */
function steps(call) {
  /** @type {(Step | false)[]} */
  const all = [
    { kind: "request", name: call.method, what: brief(call.path) },
    call.authorization !== null && { kind: "header", name: "Authorization:", what: `${call.authorization} …` },
    call.cookiesSeen.length > 0 && { kind: "cookie", name: "Cookie:", what: call.cookiesSeen.join(", ") },
    call.fields.length > 0 && { kind: "body", name: "body:", what: call.fields.join(", ") },
    ...call.cookiesSet.map((set) => ({ kind: /** @type {const} */ ("set"), name: "Set-Cookie:", what: set })),
    {
      kind: "answer",
      name: String(call.status || "no answer"),
      what: call.code ?? (call.answerFields.join(", ") || "no body"),
    },
  ];
  return all.filter((step) => step !== false);
}

/** @param {import("./trace.js").Call} call */
function summary({ method, worker, queries, milliseconds, authorization, cookiesSeen, cookiesAllowed }) {
  const asked = queries === null ? "" : `${plural(queries, "database query", "database queries")}, `;
  const anonymous = method === "GET" && !authorization && !cookiesSeen.length;
  const carried = anonymous ? ` No credential${cookiesAllowed ? "" : ", and cookies were left out"}.` : "";
  return `Worker ${worker ?? "?"}: ${asked}${Math.round(milliseconds)} ms.${carried}`;
}

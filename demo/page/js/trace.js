// Every call that this page makes goes through here and is remembered, without what is secret, for the drawing.

/**
 * One call, as far as it may be shown.
 * @typedef {object} Call
 * @property {string} method
 * @property {string} path
 * @property {string | null} authorization its scheme
 * @property {boolean} cookiesAllowed whether the browser was told to send and keep cookies
 * @property {string[]} fields names in the body
 * @property {number} status 0: no answer
 * @property {string | null} code of a refusal
 * @property {string[]} answerFields names in the answer's body
 * @property {string | null} worker the process that answered
 * @property {number | null} queries
 * @property {string[]} cookiesSeen what the server says came along
 * @property {string[]} cookiesSet
 * @property {number} milliseconds
 * @property {number} times how often in a row
 */

const KEPT = 12;

/** @type {Call[]} */
const calls = [];
/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {string | null} */
let inSight = null;
/** Cookies that are there although no script can see them, by name: the server of this demo tells. @type {Set<string>} */
const hidden = new Set();

/** The newest first. */
export function lastCalls() {
  return calls;
}

/**
 * The access token, if one has come past. Whoever runs a script in this page can do the same: wrap `fetch`, and wait.
 */
export function tokenInSight() {
  return inSight;
}

export function hiddenCookies() {
  return [...hidden];
}

/** @param {() => void} listener @returns {() => void} */
export function onCall(listener) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** `fetch`, remembered. @type {typeof fetch} */
export async function traced(input, init = {}) {
  const began = performance.now();
  const sent = sending(input, init);
  try {
    const response = await fetch(input, init);
    remember({ ...sent, ...(await answer(response.clone())), milliseconds: performance.now() - began });
    return response;
  } catch (error) {
    remember({ ...sent, ...NO_ANSWER, milliseconds: performance.now() - began });
    throw error;
  }
}

/** @param {RequestInfo | URL} input @param {RequestInit} init */
function sending(input, init) {
  const url = new URL(input instanceof Request ? input.url : String(input), location.href);
  const authorization = new Headers(init.headers).get("Authorization");
  if (authorization?.startsWith("Bearer ")) inSight = authorization.slice("Bearer ".length);
  return {
    method: (init.method ?? "GET").toUpperCase(),
    path: url.pathname + url.search,
    authorization: authorization?.split(" ")[0] ?? null,
    cookiesAllowed: (init.credentials ?? "same-origin") !== "omit",
    fields: typeof init.body === "string" ? names(init.body) : [],
  };
}

const NO_ANSWER = {
  status: 0,
  code: "network_error",
  answerFields: [],
  worker: null,
  queries: null,
  cookiesSeen: [],
  cookiesSet: [],
};

/** @param {Response} response */
async function answer(response) {
  const text = await response.text();
  const body = parsed(text);
  if (typeof body.session === "string" && "claims" in body && "expires_in" in body) {
    inSight = typeof body.access === "string" ? body.access : null;
  }
  const queries = response.headers.get("X-Queries");
  return {
    status: response.status,
    code: response.ok ? null : String(body.code ?? ""),
    answerFields: names(text),
    worker: response.headers.get("X-Worker"),
    queries: queries === null ? null : Number(queries),
    cookiesSeen: list(response.headers.get("X-Cookies-Seen")),
    cookiesSet: list(response.headers.get("X-Cookies-Set")),
  };
}

/** @param {Omit<Call, "times">} call */
function remember(call) {
  for (const name of call.cookiesSeen) if (!document.cookie.includes(`${name}=`)) hidden.add(name);
  for (const [name = "", ...flags] of call.cookiesSet.map((set) => set.split(" "))) {
    if (flags.includes("deleted")) hidden.delete(name);
    else if (flags.includes("HttpOnly")) hidden.add(name);
  }
  const last = calls[0];
  const same = last && identity(last) === identity(call);
  if (same) calls.shift();
  calls.unshift({ ...call, times: same ? last.times + 1 : 1 });
  calls.length = Math.min(calls.length, KEPT);
  for (const listener of listeners) listener();
}

/** @param {Omit<Call, "times">} call */
function identity({ method, path, status, code, authorization, cookiesSeen, cookiesSet }) {
  return JSON.stringify([method, path, status, code, authorization, cookiesSeen, cookiesSet]);
}

/** @param {string | null} header */
function list(header) {
  return header ? header.split(", ") : [];
}

/** The names in a JSON object; of a list, "[]". @param {string} text */
function names(text) {
  const body = parsed(text);
  return Array.isArray(body) ? ["[…]"] : Object.keys(body);
}

/** @param {string} text @returns {Record<string, unknown>} */
function parsed(text) {
  try {
    const body = /** @type {unknown} */ (JSON.parse(text));
    return typeof body === "object" && body !== null ? /** @type {Record<string, unknown>} */ (body) : {};
  } catch {
    return {};
  }
}

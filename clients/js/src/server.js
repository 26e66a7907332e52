// The sign-in endpoints as calls: one request each, no state, no retry.

import { LanyardError } from "./errors.js";

/** The longest Retry-After, in seconds, that is believed. */
const MAX_RETRY_AFTER = 300;

/** @typedef {import("../types/index.js").Transport} Transport */
/** @typedef {import("../types/index.js").Json} Json */
/**
 * @typedef {object} Grant what login, refresh and a change of the password answer
 * @property {Transport} transport
 * @property {string | null} access
 * @property {string | null} refresh
 * @property {number | null} expiresIn seconds; null if it is not known
 * @property {string} session
 * @property {Json} user
 * @property {Json} claims
 */
/**
 * @typedef {object} Sending
 * @property {Json} [body]
 * @property {Record<string, string>} [headers]
 * @property {RequestCredentials} [credentials]
 */

/** An answer, read to its end. */
export class Answer {
  /** @param {number} status @param {unknown} data @param {string | null} retryAfter */
  constructor(status, data, retryAfter) {
    this.status = status;
    this.data = data;
    this.body = isObject(data) ? data : {};
    this.retryAfter = seconds(retryAfter);
  }

  /** @param {Response | Answer} response */
  static async of(response) {
    if (response instanceof Answer) return response;
    return new Answer(response.status, parsed(await response.text()), response.headers.get("Retry-After"));
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  /** The server's `code`, such as `token_revoked`; null when there is none. */
  get code() {
    return typeof this.body.code === "string" ? this.body.code : null;
  }

  /** What a failure is called: ours, when whoever answered does not speak our contract. */
  get error() {
    const { detail, errors } = this.body;
    const unnamed = this.status === 429 || this.status >= 500 ? "unavailable" : "unexpected_answer";
    return new LanyardError(typeof detail === "string" ? detail : `Unexpected answer (HTTP ${this.status}).`, {
      code: this.ok ? unnamed : (this.code ?? unnamed),
      status: this.status,
      retryAfter: this.retryAfter,
      errors: isObject(errors) ? errors : null,
    });
  }
}

export class Server {
  #fetch;
  #timeout;

  /** @param {{url: string, fetch: typeof fetch, timeout: number}} options `timeout` in milliseconds */
  constructor({ url, fetch, timeout }) {
    this.url = url;
    this.#fetch = fetch;
    this.#timeout = timeout;
  }

  /**
   * One request. Whoever answers is never followed elsewhere, since what we send is worth stealing.
   * @param {string} method
   * @param {string} path
   * @param {Sending} [sending]
   */
  async ask(method, path, { body, headers = {}, credentials = "omit" } = {}) {
    const aborted = new AbortController();
    const timer = setTimeout(() => aborted.abort(), this.#timeout);
    try {
      // Awaited here, to its end: the time limit is for all of it.
      const response = await this.#fetch(this.url + path, {
        method,
        headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        credentials,
        redirect: "error",
        cache: "no-store",
        signal: aborted.signal,
      });
      return await Answer.of(response);
    } catch (cause) {
      throw new LanyardError(`No answer from ${this.url}`, { code: "network_error", cause });
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * The credentials in an answer. `wanted`: how they must have come; "jar" is either way with cookies.
 * @param {Answer} answer
 * @param {Transport | "jar"} wanted
 * @returns {Grant}
 */
export function granted(answer, wanted) {
  const { access = null, refresh = null, expires_in: expiresIn, session, user, claims } = answer.body;
  const transport = refresh !== null ? "bearer" : access !== null ? "hybrid" : "cookie";
  const whole =
    answer.ok &&
    (transport === wanted || (wanted === "jar" && transport !== "bearer")) &&
    (access === null || isToken(access)) &&
    (refresh === null || (isToken(refresh) && access !== null)) &&
    typeof session === "string" &&
    typeof expiresIn === "number";
  if (!whole) throw answer.error;
  return { transport, access, refresh, expiresIn, session, user: asObject(user), claims: asObject(claims) };
}

/**
 * Whether the server itself said that the session is over. A 401 without a code comes from something in between.
 * @param {unknown} error
 * @returns {error is LanyardError}
 */
export function isRefusal(error) {
  return error instanceof LanyardError && error.status === 401 && error.code !== "unexpected_answer";
}

/** @param {unknown} value @returns {value is Json} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {Json} */
export function asObject(value) {
  return isObject(value) ? value : {};
}

/** @param {unknown} value @returns {value is string} */
function isToken(value) {
  return typeof value === "string" && value !== "";
}

/** @param {string} text */
function parsed(text) {
  try {
    return /** @type {unknown} */ (JSON.parse(text));
  } catch {
    return null;
  }
}

/**
 * Retry-After in seconds. Its other form, a date, would need a clock that is right.
 * @param {string | null} value
 */
function seconds(value) {
  return value !== null && /^\d+$/.test(value.trim()) ? Math.min(Number(value), MAX_RETRY_AFTER) : null;
}

/**
 * @typedef {object} About
 * @property {string} code
 * @property {number} [status]
 * @property {number | null} [retryAfter]
 * @property {Record<string, unknown> | null} [errors]
 * @property {unknown} [cause]
 */

/**
 * Something could not be done. Never carries a token or a password.
 *
 * `code`: the server's, or one of ours: `network_error` (no answer), `unavailable` (429 or 5xx of something that does not
 * speak our contract), `unexpected_answer` (a wrong URL, a proxy, a captive portal), `body_not_replayable`, `storage_failed`.
 * `status`: of the HTTP answer, 0 if there was none. `retryAfter`: seconds, if the server said so.
 * `errors`: complaints by field, for a body that was wrong.
 */
export class LanyardError extends Error {
  /** @param {string} message @param {About} about */
  constructor(message, { code, status = 0, retryAfter = null, errors = null, cause }) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "LanyardError";
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
    this.errors = errors;
  }

  /** Whether the network or the server failed for now. Nothing is lost: try again later. */
  get temporary() {
    return this.code === "network_error" || this.status === 429 || this.status >= 500;
  }
}

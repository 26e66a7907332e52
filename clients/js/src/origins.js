// Where credentials may go, and what can be sent twice.

import { LanyardError } from "./errors.js";

// An origin and nothing that parsers could disagree about: no user, no backslash, no white space.
const ORIGIN = /^([a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d+)?)(?:[/?#]|$)/;

/**
 * The absolute form of a URL, as `fetch` itself would resolve it: `<base href>` counts.
 * @param {string} url
 */
export function absolute(url) {
  return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
}

/**
 * The origin of an absolute URL, or null if it is of no form that credentials are sent to.
 * React Native's URL does not know origins, so this reads the text.
 * @param {string} href
 */
export function originOf(href) {
  return ORIGIN.exec(href)?.[1] ?? null;
}

/**
 * @param {string} baseUrl absolute
 * @param {readonly string[]} others
 * @returns {ReadonlySet<string>}
 */
export function allowedOrigins(baseUrl, others) {
  const origins = [baseUrl, ...others].map((url) => {
    const origin = originOf(absolute(url));
    if (origin === null) throw new TypeError(`Not an origin that credentials can be sent to: ${url}`);
    return origin;
  });
  return new Set(origins);
}

/**
 * Refuses a body that could not be sent again after a refresh. (A `Request` is fine: it can be cloned.)
 * @param {unknown} body
 */
export function mustBeReplayable(body) {
  if (body === null || typeof body !== "object") return;
  if ("getReader" in body || Symbol.asyncIterator in body) {
    throw new LanyardError("A stream can be sent only once, and a call may have to be repeated: pass a Blob.", {
      code: "body_not_replayable",
    });
  }
}

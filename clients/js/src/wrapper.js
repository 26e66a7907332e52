// `client.fetch`: the platform's fetch, signed in.

import { absolute, mustBeReplayable, originOf } from "./origins.js";

/** @typedef {import("./state.js").Signed} Signed */

export class Wrapper {
  #fetch;
  #origins;
  #caller;

  /**
   * @param {typeof fetch} fetch
   * @param {ReadonlySet<string>} origins
   * @param {import("./caller.js").Caller} caller
   */
  constructor(fetch, origins, caller) {
    this.#fetch = fetch;
    this.#origins = origins;
    this.#caller = caller;
  }

  /**
   * @param {RequestInfo | URL} input @param {RequestInit} init
   * @param {(signed: Signed | null) => RequestCredentials} credentialsFor
   */
  send(input, init, credentialsFor) {
    const request = isRequest(input) ? input : null;
    const url = request ? request.url : absolute(String(input));
    const headers = new Headers(init.headers ?? request?.headers);
    const origin = originOf(url);
    // Somebody else's, or with credentials of its own: not our business.
    if (origin === null || !this.#origins.has(origin) || headers.has("Authorization")) {
      return this.#fetch(request ?? url, init);
    }
    mustBeReplayable(init.body);
    // "same-origin" is every Request's default: only another value was meant.
    const meant = init.credentials ?? (request?.credentials === "same-origin" ? undefined : request?.credentials);
    const call = this.#caller.call((signed) => {
      const own = new Headers(headers);
      if (signed?.access) own.set("Authorization", `Bearer ${signed.access}`);
      // A clone each time: a Request's body can be read only once.
      const target = request ? request.clone() : url;
      return this.#fetch(target, { ...init, headers: own, credentials: meant ?? credentialsFor(signed) });
    });
    return unlessAborted(init.signal ?? request?.signal, call);
  }
}

/** @param {RequestInfo | URL} input @returns {input is Request} */
function isRequest(input) {
  return typeof Request === "function" && input instanceof Request;
}

/**
 * Whoever aborts waits no longer; the refresh that others wait for, too, goes on.
 * @template T @param {AbortSignal | null | undefined} signal @param {Promise<T>} call @returns {Promise<T>}
 */
function unlessAborted(signal, call) {
  if (!signal) return call;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    call.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

// A call with credentials: renewed before it when they are about to end, repeated after it when it came too late.

import { Answer, isObject } from "./server.js";

/** Refusals that a refresh cures. */
const CURABLE = new Set(["token_expired", "token_stale"]);
/** A refusal that is about what somebody typed, not about the session. */
const TYPED = "invalid_credentials";

/** @typedef {import("./state.js").Signed} Signed */
/** @typedef {import("./refresher.js").Refresher} Refresher */
/** @typedef {(stale: Signed) => Promise<Signed | null>} Renew */

export class Caller {
  #state;
  #refresher;
  #clock;

  /** @param {import("./state.js").State} state @param {Refresher} refresher @param {() => number} clock */
  constructor(state, refresher, clock) {
    this.#state = state;
    this.#refresher = refresher;
    this.#clock = clock;
  }

  /**
   * Send a call with the credentials of now, at most twice. A 401 in the answer means: signed out.
   * @template {Response | Answer} T
   * @param {(signed: Signed | null) => Promise<T>} send
   * @param {Renew} [renew]
   * @returns {Promise<T | Response>}
   */
  async call(send, renew = (stale) => this.#refresher.renew(stale)) {
    const asked = this.#state.current;
    const signed = asked && (await this.#fresh(asked, renew));
    if (signed?.session !== asked?.session) return this.#over();
    const response = await send(signed);
    if (signed === null || response.status !== 401) return response;
    const code = await codeOf(response);
    if (!this.#isCurable(signed, code)) return this.#judged(response, signed, code);
    const renewed = await renew(signed);
    // Never in somebody else's name: another tab may have signed in as another user.
    if (renewed?.session !== signed.session) return response;
    if (response instanceof Response) await response.body?.cancel();
    const second = await send(renewed);
    return second.status === 401 ? this.#judged(second, renewed, await codeOf(second)) : second;
  }

  /** @param {Signed} signed @param {Renew} renew */
  async #fresh(signed, renew) {
    if (signed.end === null || this.#clock() < signed.end - signed.margin) return signed;
    try {
      return await renew(signed);
    } catch (error) {
      if (this.#clock() < signed.end) return signed; // good for a moment yet
      throw error;
    }
  }

  /** @param {Signed} signed @param {string | null} code */
  #isCurable(signed, code) {
    if (signed !== this.#state.current) return true; // somebody has refreshed meanwhile
    if (code !== null && CURABLE.has(code)) return true;
    // A dead access cookie counts as none at all: only a refresh can tell whether the session is over.
    return signed.transport === "cookie" && (code === null || code === "not_authenticated");
  }

  /**
   * An answer that no refresh cures. A 401 without a code is of something else than the server's authentication.
   * @template {Response | Answer} T
   * @param {T} response @param {Signed} signed @param {string | null} code
   */
  async #judged(response, signed, code) {
    const dead = code !== null && code !== TYPED && !CURABLE.has(code);
    if (dead && signed === this.#state.current) await this.#refresher.over(signed.session, code);
    return response;
  }

  /** The answer to a call that was not sent, since the session it was meant for is over. */
  #over() {
    const refusal = this.#state.current === null ? this.#refresher.refusal : null;
    const detail = refusal?.message ?? "Somebody else has signed in meanwhile.";
    const body = JSON.stringify({ detail, code: refusal?.code ?? "not_authenticated" });
    return new Response(body, { status: 401, headers: { "Content-Type": "application/json" } });
  }
}

/** The `code` in an answer, which stays readable. @param {Response | Answer} response @returns {Promise<string | null>} */
async function codeOf(response) {
  if (response instanceof Answer) return response.code;
  try {
    /** @type {unknown} */
    const body = await response.clone().json();
    return isObject(body) && typeof body.code === "string" ? body.code : null;
  } catch {
    return null;
  }
}

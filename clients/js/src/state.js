// Who is signed in, in the memory of this tab, and who wants to know.

/** Refresh this many seconds before the end, or in the last tenth of a short life. */
const MARGIN = 10;
/** How many ended sessions are remembered, so that a late message cannot bring one back. */
const REMEMBERED = 50;

/** @typedef {import("./server.js").Grant} Grant */
/** @typedef {import("../types/index.js").Event} LanyardEvent */
/**
 * One set of credentials. Its identity tells one refresh from the next: each makes a new object.
 * @typedef {object} Signed
 * @property {import("../types/index.js").Transport} transport
 * @property {string | null} access
 * @property {string} session
 * @property {import("../types/index.js").Json} user
 * @property {import("../types/index.js").Json} claims
 * @property {number | null} end milliseconds on our clock; null if it is not known
 * @property {number} margin milliseconds
 */

export class State {
  /** @type {Signed | null} */
  #current = null;
  #clock;
  /** @type {Set<(event: LanyardEvent) => void>} */
  #listeners = new Set();
  /** @type {Set<string>} */
  #ended = new Set();

  /** @param {() => number} clock milliseconds that never go back */
  constructor(clock) {
    this.#clock = clock;
  }

  get current() {
    return this.#current;
  }

  /**
   * Take over credentials that have just arrived; whether that was done. A session that has ended stays so.
   * @param {Omit<Grant, "refresh">} grant
   * @param {boolean} [elsewhere] whether another tab got them
   */
  adopt(grant, elsewhere = false) {
    if (this.#ended.has(grant.session)) return false;
    const before = this.#current;
    this.#current = this.#signed(grant);
    const same = before?.session === grant.session;
    this.#emit({ type: same ? "refreshed" : "signed-in", elsewhere });
    if (before && same) this.#tellOfChange(before, grant, elsewhere);
    return true;
  }

  /**
   * What the server now says of the user; the credentials stay.
   * @param {Pick<Signed, "user" | "claims">} news
   */
  update(news) {
    if (this.#current === null) return;
    const before = { ...this.#current };
    // In place: a new object would look like a refresh.
    Object.assign(this.#current, { user: news.user, claims: news.claims });
    this.#tellOfChange(before, news, false);
  }

  /**
   * This session is over.
   * @param {string} session
   * @param {string} reason
   * @param {boolean} [elsewhere]
   */
  end(session, reason, elsewhere = false) {
    this.#ended.add(session);
    if (this.#ended.size > REMEMBERED) this.#ended.delete([...this.#ended][0] ?? "");
    if (this.#current?.session !== session) return;
    this.#current = null;
    this.#emit({ type: "signed-out", elsewhere, reason });
  }

  /** @param {(event: LanyardEvent) => void} listener @returns {() => void} */
  subscribe(listener) {
    /** @param {LanyardEvent} event */
    const own = (event) => listener(event); // so that one function can subscribe twice
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** @param {Omit<Grant, "refresh">} grant @returns {Signed} */
  #signed({ transport, access, session, user, claims, expiresIn }) {
    const end = expiresIn === null ? null : this.#clock() + expiresIn * 1000;
    const margin = Math.min(MARGIN, (expiresIn ?? 0) / 10) * 1000;
    return { transport, access, session, user, claims, end, margin };
  }

  /** @param {Pick<Signed, "user" | "claims">} before @param {Pick<Signed, "user" | "claims">} now @param {boolean} elsewhere */
  #tellOfChange(before, now, elsewhere) {
    const text = (/** @type {typeof now} */ who) => JSON.stringify([who.user, who.claims]);
    if (text(before) !== text(now)) this.#emit({ type: "changed", elsewhere });
  }

  /** @param {{type: LanyardEvent["type"], elsewhere: boolean, reason?: string}} event */
  #emit({ type, elsewhere, reason }) {
    const { user = null, claims = null, session = null, transport = null } = this.#current ?? {};
    for (const listener of [...this.#listeners]) {
      try {
        listener({ type, elsewhere, reason: reason ?? null, user, claims, session, transport });
      } catch (error) {
        (globalThis.reportError ?? console.error)(error); // a listener's bug must not cost anybody their credentials
      }
    }
  }
}

// What the tabs of an origin tell each other. Never a refresh token; an access token only in the hybrid transport,
// where any script of this origin could as well have asked for one.

import { asObject, isObject } from "./server.js";

/** Milliseconds that a notice of a refresh stays pinned: longer than a message takes. */
const PINNED = 3_000;
/** How many grants are remembered, to tell news from what is known. */
const REMEMBERED = 20;

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./lock.js").Lock} Lock */
/** @typedef {import("../types/index.js").Channel} Channel */

export class Tabs {
  #state;
  #lock;
  #clock;
  #accepts;
  #patience;
  #randomUUID;
  /** @type {Channel | null} */
  #channel = null;
  /** @type {Set<string>} */
  #known = new Set();
  /** The notice of our own last grant. @type {{id: string, unpin: () => void} | null} */
  #notice = null;
  /** @type {Map<string, () => void>} */
  #awaited = new Map();

  /**
   * @param {object} options
   * @param {State} options.state
   * @param {Lock} options.lock
   * @param {string} options.name
   * @param {() => number} options.clock
   * @param {(new (name: string) => Channel) | null | undefined} options.Channel
   * @param {() => string} options.randomUUID
   * @param {() => boolean} options.accepts whether this tab shares its cookies' session with the others
   * @param {number} options.patience milliseconds to wait for a tab that has news
   */
  constructor({ state, lock, name, clock, Channel, accepts, patience, randomUUID }) {
    this.#state = state;
    this.#lock = lock;
    this.#clock = clock;
    this.#accepts = accepts;
    this.#patience = patience;
    this.#randomUUID = randomUUID;
    if (!Channel) return;
    this.#channel = new Channel(name);
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    this.#channel.unref?.(); // Node: does not keep the process alive
  }

  /** Tell what we have just been granted. To be called before the lock is released. */
  async announce() {
    if (this.#channel === null || !this.#accepts()) return;
    const id = this.#randomUUID();
    this.#know(id);
    this.#notice?.unpin();
    const unpin = await this.#lock.pin("fresh", id);
    /** @type {ReturnType<typeof setTimeout> & {unref?: () => void}} */
    const timer = setTimeout(unpin, PINNED);
    timer.unref?.(); // as above
    this.#notice = { id, unpin: () => (clearTimeout(timer), unpin()) };
    this.#tell(id);
  }

  /** @param {string} session @param {string} reason */
  announceEnd(session, reason) {
    this.#channel?.postMessage({ type: "ended", session, reason });
  }

  /**
   * Take over what another tab was granted while we waited for the lock: its message may still be on the way, but its
   * notice is up. Returns at once when there is no news.
   */
  async catchUp() {
    if (this.#channel === null || !this.#accepts()) return;
    const news = (await this.#lock.pinned("fresh")).filter((id) => !this.#known.has(id));
    await Promise.all(news.map((id) => this.#await(id)));
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
    this.#notice?.unpin();
  }

  /** @param {string} id */
  #await(id) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#know(id), this.#patience); // it is gone: we have to refresh ourselves
      this.#awaited.set(id, () => (clearTimeout(timer), resolve(undefined)));
      this.#channel?.postMessage({ type: "ask", id }); // we may have been opened after the message
    });
  }

  /** @param {string} id */
  #know(id) {
    this.#known.add(id);
    if (this.#known.size > REMEMBERED) this.#known.delete([...this.#known][0] ?? "");
    this.#awaited.get(id)?.();
    this.#awaited.delete(id);
  }

  /** @param {string} id */
  #tell(id) {
    const signed = this.#state.current;
    if (signed === null || !this.#accepts()) return;
    const { transport, access, session, user, claims, end } = signed;
    // What is left, not when it ends: every tab has a clock of its own.
    const expiresIn = end === null ? null : Math.max(0, end - this.#clock()) / 1000;
    this.#channel?.postMessage({ type: "granted", id, transport, access, session, user, claims, expiresIn });
  }

  /** @param {unknown} message */
  #heard(message) {
    if (!isObject(message)) return;
    const { type, id, session, reason } = message;
    if (type === "ask" && typeof id === "string" && id === this.#notice?.id) this.#tell(id);
    else if (type === "granted" && typeof id === "string") this.#follow(id, message);
    else if (type === "ended" && typeof session === "string") this.#state.end(session, String(reason), true);
  }

  /** @param {string} id @param {Record<string, unknown>} message */
  #follow(id, { transport, access, session, user, claims, expiresIn }) {
    if (this.#known.has(id)) return;
    const jar = transport === "cookie" ? access === null : transport === "hybrid" && typeof access === "string";
    if (jar && typeof session === "string" && this.#accepts()) {
      this.#state.adopt(
        {
          transport: /** @type {"cookie" | "hybrid"} */ (transport),
          access: /** @type {string | null} */ (access),
          session,
          user: asObject(user),
          claims: asObject(claims),
          expiresIn: typeof expiresIn === "number" ? expiresIn : null,
        },
        true,
      );
    }
    this.#know(id);
  }
}

// The life of a session's tokens: one refresh at a time, safe to repeat when the answer is lost.

import { LanyardError } from "./errors.js";
import { granted, isRefusal } from "./server.js";

/** Milliseconds before the second and the third attempt, when the server does not say. */
const PAUSES = [500, 1000];
/** The longest pause, in milliseconds, that a call sits through; a longer one is the application's to decide on. */
const LONGEST_PAUSE = 5_000;

/** @typedef {import("./state.js").Signed} Signed */
/** @typedef {import("./server.js").Grant} Grant */
/** @typedef {import("../types/index.js").Transport} Transport */

export class Refresher {
  #state;
  #server;
  #keep;
  #lock;
  #tabs;
  #clock;
  #sleep;
  #randomUUID;
  #transport;
  #notBefore = -Infinity;
  /** @type {{of: Signed | null, done: Promise<Signed | null>} | null} */
  #flight = null;
  /** The Idempotency-Key of a refresh with a cookie that was never answered. @type {{of: Signed | null, key: string, unpin: () => void} | null} */
  #open = null;

  /**
   * @param {object} parts
   * @param {import("./state.js").State} parts.state
   * @param {import("./server.js").Server} parts.server
   * @param {import("./storage.js").Keep} parts.keep
   * @param {import("./lock.js").Lock} parts.lock
   * @param {import("./tabs.js").Tabs} parts.tabs
   * @param {() => number} parts.clock
   * @param {(milliseconds: number) => Promise<unknown>} parts.sleep
   * @param {() => string} parts.randomUUID
   * @param {Transport} parts.transport of a client that is not signed in
   */
  constructor({ state, server, keep, lock, tabs, clock, sleep, randomUUID, transport }) {
    this.#state = state;
    this.#server = server;
    this.#keep = keep;
    this.#lock = lock;
    this.#tabs = tabs;
    this.#clock = clock;
    this.#sleep = sleep;
    this.#randomUUID = randomUUID;
    this.#transport = transport;
    state.subscribe(() => this.#close());
  }

  /**
   * What has taken the place of `stale`: what another call or tab got meanwhile, or the outcome of one refresh that all
   * who ask share. Null: the session is over (for `stale` null: there is none). Throws when the server cannot be asked.
   * @param {Signed | null} stale
   * @returns {Promise<Signed | null>}
   */
  renew(stale) {
    if (this.#state.current !== stale) return Promise.resolve(this.#state.current);
    if (this.#flight?.of === stale) return this.#flight.done;
    const done = this.#lock.run(() => this.renewInLock(stale));
    const flight = { of: stale, done };
    this.#flight = flight;
    const landed = () => void (this.#flight === flight && (this.#flight = null));
    done.then(landed, landed);
    return done;
  }

  /** `renew` for who holds the lock. @param {Signed | null} stale @returns {Promise<Signed | null>} */
  async renewInLock(stale) {
    if (this.#state.current === stale) await this.#tabs.catchUp();
    if (this.#state.current !== stale) return this.#state.current;
    const kept = stale === null || stale.transport === "bearer" ? await this.#keep.load() : null;
    try {
      if (kept !== null) return await this.#withToken(kept);
      if ((stale?.transport ?? this.#transport) !== "bearer") return await this.#withCookie(stale);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.refusal = error;
      for (const session of new Set([stale?.session, kept?.session])) await this.over(session, error.code);
      return null;
    }
    if (stale !== null) await this.over(stale.session, "not_authenticated"); // another tab has emptied the storage
    return null;
  }

  /** What the server said when it ended the last session. @type {LanyardError | null} */
  refusal = null;

  /**
   * Take over a grant: saved before it is used, and told to the other tabs.
   * @param {Grant} grant
   */
  async accept({ refresh, ...grant }) {
    if (refresh !== null) await this.#keep.save({ refresh, session: grant.session, key: null });
    if (this.#state.adopt(grant)) await this.#tabs.announce();
    return this.#state.current;
  }

  /** A session is over: forget it, here and in the other tabs. @param {string | undefined} session @param {string} reason */
  async over(session, reason) {
    this.#close(true);
    if (session === undefined) return;
    this.#state.end(session, reason);
    this.#tabs.announceEnd(session, reason);
    if ((await this.#keep.load())?.session === session) await this.#keep.clear();
  }

  /** @param {import("./storage.js").Kept} kept */
  async #withToken(kept) {
    const key = kept.key ?? this.#randomUUID();
    if (kept.key === null) await this.#keep.save({ ...kept, key }); // before it is sent: we may die at any moment
    return this.accept(await this.#exchange("bearer", { refresh: kept.refresh }, key));
  }

  /** @param {Signed | null} stale */
  async #withCookie(stale) {
    if (this.#open?.of !== stale) {
      // Another tab may have sent the same cookie and be without an answer: then it is its key that the server knows.
      const key = (await this.#lock.pinned("key"))[0] ?? this.#randomUUID();
      this.#open = { of: stale, key, unpin: await this.#lock.pin("key", key) };
    }
    return this.accept(await this.#exchange("jar", {}, this.#open.key));
  }

  /** The refresh under way has been answered, or is not ours any more. @param {boolean} [answered] */
  #close(answered = false) {
    if (this.#open === null || (!answered && this.#open.of === this.#state.current)) return;
    this.#open.unpin();
    this.#open = null;
  }

  /**
   * The exchange, repeated with the same key while the network or the server fails for now.
   * @param {"bearer" | "jar"} wanted @param {{refresh?: string}} body @param {string} key
   */
  async #exchange(wanted, body, key) {
    this.#respectRetryAfter();
    for (const pause of [...PAUSES, null]) {
      try {
        return await this.#attempt(wanted, body, key);
      } catch (error) {
        if (!(error instanceof LanyardError) || !error.temporary) throw error;
        const wait = error.retryAfter === null ? pause : error.retryAfter * 1000;
        this.#notBefore = this.#clock() + (error.retryAfter ?? 0) * 1000;
        if (pause === null || wait === null || wait > LONGEST_PAUSE) throw error;
        await this.#sleep(wait);
      }
    }
    throw new Error("unreachable");
  }

  /** @param {"bearer" | "jar"} wanted @param {{refresh?: string}} body @param {string} key */
  async #attempt(wanted, body, key) {
    const credentials = wanted === "jar" ? "include" : "omit";
    const headers = { "Idempotency-Key": key };
    return granted(await this.#server.ask("POST", "refresh/", { body, headers, credentials }), wanted);
  }

  #respectRetryAfter() {
    const left = (this.#notBefore - this.#clock()) / 1000;
    if (left <= 0) return;
    const message = `The server asked to wait; ${Math.ceil(left)} s are left.`;
    throw new LanyardError(message, { code: "unavailable", status: 503, retryAfter: left });
  }
}

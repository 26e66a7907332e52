// One at a time, in every tab of an origin; and a notice-board for those who come next.

/** @typedef {import("../types/index.js").Locks} Locks */

/** Milliseconds to wait for another tab, longer than its attempts take together. After that it is taken to hang. */
const LONGEST_WAIT = 60_000;

export class Lock {
  #locks;
  #name;
  #limit;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {Locks | null | undefined} locks @param {string} name @param {number} [limit] milliseconds */
  constructor(locks, name, limit = LONGEST_WAIT) {
    this.#locks = locks ?? null;
    this.#name = name;
    this.#limit = limit;
  }

  /**
   * Run a task alone among all tabs; without Web Locks, alone in this one. Not re-entrant.
   * @template T
   * @param {() => Promise<T>} task
   * @returns {Promise<T>}
   */
  async run(task) {
    if (this.#locks === null) return this.#alone(task);
    let entered = false;
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), this.#limit);
    try {
      return await this.#locks.request(this.#name, { signal: waiting.signal }, () => {
        entered = true;
        clearTimeout(timer);
        return task();
      });
    } catch (error) {
      if (entered) throw error;
      // The holder hangs, or this document may not lock. Two refreshes within the server's grace converge.
      return this.#alone(task);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Pin a notice that every tab can read from the moment this resolves until it is released or this tab is gone.
   * The notice is the name of a lock: unlike a message it cannot arrive late.
   * @param {string} kind
   * @param {string} value no secret
   * @returns {Promise<() => void>}
   */
  async pin(kind, value) {
    /** @type {() => void} */
    let release = () => {};
    const held = new Promise((resolve) => (release = () => resolve(undefined)));
    await new Promise((pinned) => {
      const hold = () => (pinned(undefined), held);
      if (this.#locks === null) return pinned(undefined);
      this.#locks.request(`${this.#name} ${kind} ${value}`, { mode: "shared" }, hold).catch(pinned);
    });
    return release;
  }

  /** The values of all notices of a kind, this tab's included. @param {string} kind @returns {Promise<string[]>} */
  async pinned(kind) {
    const prefix = `${this.#name} ${kind} `;
    const found = await this.#locks?.query().catch(() => null);
    const names = (found?.held ?? []).map(({ name }) => name ?? "");
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  }

  /** @template T @param {() => Promise<T>} task @returns {Promise<T>} */
  #alone(task) {
    const turn = this.#last.then(task, task);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

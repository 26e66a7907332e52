// Somebody with a copy of a credential, who uses it again and again, from the outside: no cookies, nothing of this page.

/** Milliseconds between two attempts while it lives. */
const EVERY = 200;
/** Milliseconds that it goes on after the last acceptance, to see that nobody goes back on a refusal. */
const WATCHED_AFTER = 2_500;
/** Nobody watches longer than this. */
const LONGEST = 10 * 60_000;
const URL = "/api/posts/";

/** @typedef {{worker: string, after: number, code: string}} Refusal `after`: milliseconds since it was cut */

export class Witness {
  /** "dying": refused by some worker, while another has not yet heard of it. @type {"idle" | "alive" | "dying" | "dead"} */
  state = "idle";
  accepted = 0;
  /** Accepted although it had been cut: by a process that had not yet heard of it. */
  late = 0;
  /** @type {Refusal[]} the first of each worker */
  refusals = [];
  refused = 0;
  #authorization;
  #cutAt = NaN;
  #changed;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #began = performance.now();
  #lastAccepted = 0;
  /** The workers whose last answer was yes. @type {Set<string>} */
  #accepting = new Set();

  /** @param {string} authorization the header's value @param {() => void} [changed] */
  constructor(authorization, changed = () => {}) {
    this.#authorization = authorization;
    this.#changed = changed;
  }

  start() {
    if (this.#timer === undefined) this.#next(0);
    return this;
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#changed = () => {};
  }

  /** The server has just confirmed that it is over: the time of each refusal counts from here. */
  cut() {
    if (Number.isNaN(this.#cutAt)) this.#cutAt = performance.now();
    clearTimeout(this.#timer);
    this.#next(0);
  }

  /** @param {number} delay */
  #next(delay) {
    this.#timer = setTimeout(() => void this.#attempt(), delay);
  }

  async #attempt() {
    const timer = this.#timer;
    await this.#ask().catch(() => {}); // no network: ask again
    this.#changed();
    const now = performance.now();
    const done = now - this.#began > LONGEST || (this.state === "dead" && now - this.#lastAccepted > WATCHED_AFTER);
    if (timer === this.#timer && !done) this.#next(Number.isNaN(this.#cutAt) ? EVERY : EVERY / 4);
  }

  async #ask() {
    const headers = { Authorization: this.#authorization };
    const response = await fetch(URL, { headers, credentials: "omit", cache: "no-store" });
    const now = performance.now();
    const worker = response.headers.get("X-Worker") ?? "?";
    if (response.ok) this.#acceptedBy(worker, now);
    else if (response.status === 401) this.#refusedBy(worker, now, String((await response.json()).code));
  }

  /** @param {string} worker @param {number} now */
  #acceptedBy(worker, now) {
    this.accepted += 1;
    if (now > this.#cutAt) this.late += 1;
    this.#lastAccepted = now;
    this.#accepting.add(worker);
    this.state = this.refused ? "dying" : "alive";
  }

  /** @param {string} worker @param {number} now @param {string} code */
  #refusedBy(worker, now, code) {
    if (Number.isNaN(this.#cutAt)) this.#cutAt = now; // by somebody else: counted from the first refusal
    this.refused += 1;
    this.#accepting.delete(worker);
    this.state = this.#accepting.size ? "dying" : "dead";
    if (this.refusals.every((each) => each.worker !== worker)) {
      this.refusals.push({ worker, after: now - this.#cutAt, code });
    }
  }
}

/** "worker 12 refuses it after 8 ms…". @param {Refusal} refusal */
export function told({ worker, after, code }) {
  return `worker ${worker} refuses it after ${Math.round(after)} ms: 401 ${code}`;
}

// A browser with tabs, as far as the client can tell: one cookie jar, Web Locks and BroadcastChannel of the specification's manners.

import { createClient } from "drf-lanyard-client";
import { createClient as createNative } from "drf-lanyard-client/native";

import { AUTH, FakeServer, PASSWORD } from "./server.js";

export const PAGE = "https://app.test";

export class Clock {
  now = 50_000;
  /** @type {number[]} */
  slept = [];

  read = () => this.now;
  sleep = async (milliseconds) => {
    this.slept.push(milliseconds);
    this.now += milliseconds;
  };
}

export class FakeBrowser {
  server = new FakeServer();
  clock = new Clock();
  locks = new FakeLocks();
  channels = new FakeChannels();
  /** @type {Map<string, string>} */
  jar = new Map();
  /** Every request as the page made it. @type {{url: string, credentials: string, redirect: string, headers: Headers}[]} */
  sent = [];
  /** Answers to URLs that are not the server's. @type {Map<string, () => Response>} */
  others = new Map();
  /** What holds up requests that have left the page, by path. @type {Map<string, Promise<unknown>>} */
  delays = new Map();
  #tabs = [];

  /** A tab with the application in it. @param {Record<string, unknown>} [options] */
  tab(options = {}) {
    const { locks, fetch, clock } = this;
    const platform = { locks, BroadcastChannel: this.channels.Channel, fetch, clock: clock.read, sleep: clock.sleep };
    const client = createClient({ baseUrl: AUTH, ...platform, ...options });
    this.#tabs.push(client);
    return client;
  }

  /** @param {Record<string, unknown>} options */
  native(options) {
    const { fetch, clock } = this;
    return createNative({ baseUrl: AUTH, fetch, clock: clock.read, sleep: clock.sleep, ...options });
  }

  /** A tab where alice has signed in. @param {Record<string, unknown>} [options] */
  async signedIn(options = {}) {
    const client = this.tab(options);
    await client.login({ username: "alice", password: PASSWORD });
    return client;
  }

  /** Seconds pass for everyone. @param {number} seconds */
  pass(seconds) {
    this.clock.now += seconds * 1000;
    this.server.now += seconds;
  }

  close() {
    for (const tab of this.#tabs) tab.close();
  }

  /** @type {typeof fetch} */
  fetch = async (input, init = {}) => {
    const request = new Request(input, { ...init, duplex: "half" });
    const { method, url, headers, credentials, redirect } = request;
    this.sent.push({ url, credentials, redirect, headers });
    const { origin, pathname } = new URL(url);
    const withCookies = credentials === "include" || (credentials === "same-origin" && origin === PAGE);
    const cookies = withCookies ? new Map(this.jar) : new Map(); // those of the moment it leaves
    const body = await request.text();
    await turn(); // the network takes its time
    await this.delays.get(pathname);
    request.signal.throwIfAborted();
    if (origin !== new URL(AUTH).origin) return this.others.get(url)?.() ?? new Response("elsewhere");
    const said = this.server.handle({ method, url, headers, body, cookies });
    for (const [name, value] of Object.entries(withCookies ? (said.cookies ?? {}) : {})) this.#store(name, value);
    if (said.status >= 300 && said.status < 400) return this.#redirected(said, redirect);
    return response(said);
  };

  #store(name, value) {
    if (value === "") this.jar.delete(name);
    else this.jar.set(name, value);
  }

  #redirected(said, redirect) {
    if (redirect === "error") throw new TypeError("redirected");
    return this.fetch(said.headers.Location);
  }
}

function response({ status, body, headers = {} }) {
  const text = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
  return new Response(text, { status, headers });
}

/** Let everything happen that is ready to. */
export function turn() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Until `done`: bounded, and without a clock. @param {() => unknown} done */
export async function until(done) {
  for (let turns = 0; turns < 10_000; turns += 1) {
    if (done()) return;
    await turn();
  }
  throw new Error("It never happened.");
}

class FakeLocks {
  /** @type {{name: string, mode: string}[]} */
  held = [];
  #queue = [];

  /** @returns {Promise<any>} */
  request(name, { mode = "exclusive", signal } = {}, task) {
    return new Promise((resolve, reject) => {
      const wanted = { name, mode, task, resolve, reject };
      this.#queue.push(wanted);
      signal?.addEventListener("abort", () => {
        if (!this.#queue.includes(wanted)) return; // granted already: too late
        this.#queue = this.#queue.filter((other) => other !== wanted);
        reject(signal.reason);
      });
      queueMicrotask(() => this.#grant());
    });
  }

  async query() {
    await turn();
    return { held: this.held.map(({ name, mode }) => ({ name, mode })) };
  }

  #grant() {
    for (const wanted of [...this.#queue]) {
      const rivals = this.held.filter(({ name }) => name === wanted.name);
      if (rivals.some(({ mode }) => mode === "exclusive") || (rivals.length && wanted.mode === "exclusive")) continue;
      this.#queue = this.#queue.filter((other) => other !== wanted);
      const lock = { name: wanted.name, mode: wanted.mode };
      this.held.push(lock);
      const released = () => {
        this.held = this.held.filter((other) => other !== lock);
        this.#grant();
      };
      Promise.resolve(lock).then(wanted.task).finally(released).then(wanted.resolve, wanted.reject);
    }
  }
}

class FakeChannels {
  /** While true, messages are on their way. */
  held = false;
  /** Every message, as text: what a spy in the same origin would hear. @type {string[]} */
  overheard = [];
  #open = new Set();
  #onTheWay = [];

  Channel = channelOf(this);

  open(channel) {
    this.#open.add(channel);
  }

  shut(channel) {
    this.#open.delete(channel);
  }

  post(sender, message) {
    this.overheard.push(JSON.stringify(message));
    const receivers = [...this.#open].filter((one) => one !== sender && one.name === sender.name);
    for (const receiver of receivers) this.#onTheWay.push([receiver, structuredClone(message)]);
    if (!this.held) this.deliver();
  }

  /** Let what is on its way arrive. */
  deliver() {
    for (const [receiver, data] of this.#onTheWay.splice(0)) {
      setImmediate(() => this.#open.has(receiver) && receiver.onmessage?.({ data }));
    }
  }
}

function channelOf(channels) {
  return class {
    onmessage = null;

    constructor(name) {
      this.name = name;
      channels.open(this);
    }

    postMessage(message) {
      channels.post(this, message);
    }

    close() {
      channels.shut(this);
    }
  };
}

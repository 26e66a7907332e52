// What a client is made of, from its options.

import { Caller } from "./caller.js";
import { Lock } from "./lock.js";
import { absolute, allowedOrigins } from "./origins.js";
import { Refresher } from "./refresher.js";
import { Server } from "./server.js";
import { State } from "./state.js";
import { Keep, memoryStorage } from "./storage.js";
import { Tabs } from "./tabs.js";
import { uuidSource } from "./uuid.js";
import { Wrapper } from "./wrapper.js";

/** @typedef {import("../types/index.js").Options & import("../types/index.js").Platform} AllOptions */

/** @param {AllOptions} options */
export function assemble(options) {
  const url = absolute(options.baseUrl).replace(/\/*$/, "/");
  const name = `lanyard:${url}`;
  const { transport = "hybrid", clock = now, sleep = after } = options;
  const { fetch = platformFetch, randomUUID = uuidSource(), storage = memoryStorage() } = options;
  const state = new State(clock);
  const server = new Server({ url, fetch, timeout: options.timeout ?? 10_000 });
  const keep = new Keep(storage, url);
  const lock = new Lock(options.locks, name, options.lockPatience);
  const tabs = new Tabs({
    state,
    lock,
    name,
    clock,
    randomUUID,
    Channel: options.BroadcastChannel,
    // Tabs share their cookies. A bearer's tokens are its own.
    accepts: () => (state.current?.transport ?? transport) !== "bearer",
    patience: options.tabPatience ?? 1_000,
  });
  const refresher = new Refresher({ state, server, keep, lock, tabs, clock, sleep, randomUUID, transport });
  const caller = new Caller(state, refresher, clock);
  const wrapper = new Wrapper(fetch, allowedOrigins(url, options.origins ?? []), caller);
  return { state, server, keep, lock, tabs, refresher, caller, wrapper, clock, transport };
}

/** Looked up at each call, since tests and service workers replace it. @type {typeof fetch} */
const platformFetch = (input, init) => globalThis.fetch(input, init);

/** Milliseconds that never go back, whatever becomes of the wall clock. */
function now() {
  return globalThis.performance?.now() ?? Date.now();
}

/** @param {number} milliseconds */
function after(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

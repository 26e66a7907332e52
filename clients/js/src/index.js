// For browsers (and whatever else has fetch): tabs find each other by Web Locks and BroadcastChannel where these exist.

import { Client } from "./client.js";

export { LanyardError } from "./errors.js";
export { memoryStorage } from "./storage.js";

/** @param {import("../types/index.js").Options} options @returns {import("../types/index.js").LanyardClient} */
export function createClient(options) {
  const { navigator, BroadcastChannel } = globalThis;
  return new Client({ locks: navigator?.locks, BroadcastChannel, ...options });
}

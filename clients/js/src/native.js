// For React Native and other places without cookies or tabs: both tokens by the application's own secure storage.

import { Client } from "./client.js";

export { LanyardError } from "./errors.js";
export { memoryStorage } from "./storage.js";

/** @param {import("../types/native.js").NativeOptions} options @returns {import("../types/index.js").LanyardClient} */
export function createClient(options) {
  if (!options.storage) throw new TypeError("A native client needs a storage for its refresh token.");
  return new Client({ ...options, transport: "bearer", locks: null, BroadcastChannel: null });
}

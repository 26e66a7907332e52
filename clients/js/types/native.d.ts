import type { Json, LanyardClient, Options, Storage } from "./index.js";

export * from "./index.js";

export interface NativeOptions extends Omit<Options, "transport" | "storage"> {
  /** The platform's Keychain or Keystore. */
  storage: Storage;
}

export function createClient<User = Json, Claims = Json>(options: NativeOptions): LanyardClient<User, Claims>;

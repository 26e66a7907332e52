// What a bearer client keeps: one value, so that a refresh token and its Idempotency-Key can never be torn apart.

import { LanyardError } from "./errors.js";
import { isObject } from "./server.js";

/** @typedef {import("../types/index.js").Storage} Storage */
/**
 * @typedef {object} Kept
 * @property {string} refresh
 * @property {string} session
 * @property {string | null} key the Idempotency-Key of a refresh of `refresh` that is under way
 */

/** Forgets with the page. @returns {Storage} */
export function memoryStorage() {
  /** @type {Map<string, string>} */
  const values = new Map();
  return {
    get: async (name) => values.get(name) ?? null,
    set: async (name, value) => void values.set(name, value),
    delete: async (name) => void values.delete(name),
  };
}

export class Keep {
  #storage;
  #server;
  #name;

  /** @param {Storage} storage @param {string} server whose tokens these are; they never go anywhere else */
  constructor(storage, server) {
    this.#storage = storage;
    this.#server = server;
    this.#name = `lanyard.${server.replace(/[^A-Za-z0-9._-]/g, "_")}`; // all that expo-secure-store allows
  }

  /** @returns {Promise<Kept | null>} */
  async load() {
    const text = await safely(() => this.#storage.get(this.#name));
    /** @type {unknown} */
    let kept = null;
    try {
      kept = JSON.parse(text ?? "null");
    } catch {
      return null; // not ours
    }
    if (!isObject(kept) || kept.server !== this.#server || typeof kept.refresh !== "string") return null;
    const { refresh, session, key } = kept;
    return { refresh, session: String(session), key: typeof key === "string" ? key : null };
  }

  /** @param {Kept} kept */
  save({ refresh, session, key }) {
    const text = JSON.stringify({ server: this.#server, refresh, session, key });
    return safely(() => this.#storage.set(this.#name, text));
  }

  clear() {
    return safely(() => this.#storage.delete(this.#name));
  }
}

/** @template T @param {() => Promise<T> | T} access */
async function safely(access) {
  try {
    return await access();
  } catch (cause) {
    throw new LanyardError("The storage of the tokens failed.", { code: "storage_failed", cause });
  }
}

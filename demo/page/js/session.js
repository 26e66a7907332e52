// Django's own sessions, for the fourth way to sign in. The library's browser client has no part in it: the cookie does
// everything, but for Django's CSRF token, which a script must copy into a header.

import { LanyardError } from "/client/index.js";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/** @typedef {import("../../../clients/js/types/index.js").Json} Json */
/** @typedef {{user: Json, claims: Json, session: string, end: number | null}} Signed */

export class SessionClient {
  transport = /** @type {const} */ ("session");
  #base;
  #fetch;
  /** @type {Signed | null} */
  #signed = null;
  /** @type {Set<(event: {type: string, reason: string | null}) => void>} */
  #listeners = new Set();

  /** @param {{baseUrl: string, fetch: typeof fetch}} options */
  constructor({ baseUrl, fetch }) {
    this.#base = baseUrl;
    this.#fetch = fetch;
  }

  get signedIn() {
    return this.#signed !== null;
  }

  get user() {
    return this.#signed?.user ?? null;
  }

  get claims() {
    return this.#signed?.claims ?? null;
  }

  get session() {
    return this.#signed?.session ?? null;
  }

  get expiresIn() {
    const end = this.#signed?.end ?? null;
    return end === null ? null : Math.max(0, end - performance.now()) / 1000;
  }

  /** @param {(event: {type: string, reason: string | null}) => void} listener */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param {{username: string, password: string, device?: string}} credentials */
  async login({ username, password, device }) {
    this.#adopt(await this.#ask("POST", "login/", { username, password, device, transport: "session" }), "signed-in");
  }

  async restore() {
    const response = await this.#send(`${this.#base}me/`, {});
    const me = response.ok ? await response.json() : null;
    if (me?.method === "session") this.#adopt(me, "signed-in");
  }

  async logout() {
    await this.#ask("POST", "logout/");
    this.#over("logout");
  }

  async logoutOthers() {
    await this.#ask("POST", "logout/others/");
  }

  /** @returns {Promise<Json[]>} */
  async sessions() {
    return this.#ask("GET", "sessions/");
  }

  /** @param {string} id */
  async revokeSession(id) {
    if (id === this.session) return this.logout();
    await this.#ask("DELETE", `sessions/${encodeURIComponent(id)}/`);
  }

  /** @param {{oldPassword: string, newPassword: string}} passwords */
  async changePassword({ oldPassword, newPassword }) {
    const body = { old_password: oldPassword, new_password: newPassword };
    this.#adopt(await this.#ask("POST", "password/change/", body), "refreshed");
  }

  /** @param {string} url @param {RequestInit} [init] */
  async fetch(url, init = {}) {
    const response = await this.#send(url, init);
    if (response.status === 401) this.#over((await codeOf(response)) ?? "not_authenticated");
    return response;
  }

  /** @param {string} method @param {string} path @param {Json} [body] */
  async #ask(method, path, body) {
    /** @type {RequestInit} */
    const init = { method };
    if (body) Object.assign(init, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const response = await (path === "login/"
      ? this.#send(this.#base + path, init)
      : this.fetch(this.#base + path, init));
    const answer = response.status === 204 ? {} : await response.json();
    if (response.ok) return answer;
    const { detail = `HTTP ${response.status}`, code = "unexpected_answer", errors = null } = answer;
    throw new LanyardError(detail, { code, status: response.status, errors });
  }

  /** @param {string} url @param {RequestInit} init */
  #send(url, init) {
    const headers = new Headers(init.headers);
    const unsafe = !SAFE.has((init.method ?? "GET").toUpperCase());
    if (unsafe) headers.set("X-CSRFToken", csrfToken());
    return this.#fetch(url, { ...init, headers, credentials: "same-origin", cache: "no-store" });
  }

  /** @param {Json} answer @param {string} type */
  #adopt({ user, claims, session, expires_in: expiresIn }, type) {
    const end = typeof expiresIn === "number" ? performance.now() + expiresIn * 1000 : null;
    this.#signed = { user: object(user), claims: object(claims), session: String(session), end };
    this.#emit(type, null);
  }

  /** @param {string} reason */
  #over(reason) {
    if (this.#signed === null) return;
    this.#signed = null;
    this.#emit("signed-out", reason);
  }

  /** @param {string} type @param {string | null} reason */
  #emit(type, reason) {
    for (const listener of this.#listeners) listener({ type, reason });
  }
}

/** Whether Django has been here: it leaves this cookie, which is no credential, for scripts to read. */
export function csrfToken() {
  return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
}

/** @param {Response} response */
async function codeOf(response) {
  const { code = null } = await response
    .clone()
    .json()
    .catch(() => ({}));
  return /** @type {string | null} */ (code);
}

/** @param {unknown} value @returns {Json} */
function object(value) {
  return typeof value === "object" && value !== null ? /** @type {Json} */ (value) : {};
}

// The client itself: what applications call, over the parts that do it.

import { assemble } from "./parts.js";
import { Answer, asObject, granted, isRefusal } from "./server.js";

/** @typedef {import("../types/index.js").Json} Json */
/** @typedef {import("../types/index.js").Transport} Transport */
/** @typedef {import("./state.js").Signed} Signed */

export class Client {
  #state;
  #server;
  #keep;
  #lock;
  #tabs;
  #refresher;
  #caller;
  #wrapper;
  #clock;
  #transport;
  #usernameField;
  /** @type {Promise<unknown> | null} */
  #restoring = null;

  /** @param {import("./parts.js").AllOptions} options */
  constructor(options) {
    const parts = assemble(options);
    this.#state = parts.state;
    this.#server = parts.server;
    this.#keep = parts.keep;
    this.#lock = parts.lock;
    this.#tabs = parts.tabs;
    this.#refresher = parts.refresher;
    this.#caller = parts.caller;
    this.#wrapper = parts.wrapper;
    this.#clock = parts.clock;
    this.#transport = parts.transport;
    this.#usernameField = options.usernameField ?? "username";
    this.fetch = this.fetch.bind(this); // so that it can be handed to a library as its fetch
  }

  get signedIn() {
    return this.#state.current !== null;
  }

  get user() {
    return this.#state.current?.user ?? null;
  }

  get claims() {
    return this.#state.current?.claims ?? null;
  }

  get session() {
    return this.#state.current?.session ?? null;
  }

  get transport() {
    return this.#state.current?.transport ?? null;
  }

  get expiresAt() {
    return this.#state.current?.end ?? null;
  }

  get expiresIn() {
    const end = this.expiresAt;
    return end === null ? null : Math.max(0, end - this.#clock()) / 1000;
  }

  /** @param {(event: import("../types/index.js").Event) => void} listener */
  subscribe(listener) {
    return this.#state.subscribe(listener);
  }

  /** @param {import("../types/index.js").Credentials} credentials */
  async login({ username, password, transport = this.#transport, ...more }) {
    const body = { ...more, [this.#usernameField]: username, password, transport };
    await this.#restored();
    return this.#lock.run(async () => {
      const answer = await this.#server.ask("POST", "login/", { body, credentials: setting(transport) });
      const grant = granted(answer, transport);
      if (transport !== "bearer") await this.#keep.clear(); // of an earlier sign-in
      await this.#refresher.accept(grant);
      return this.#account();
    });
  }

  /** Find out whether there is a session. */
  async restore() {
    this.#restoring ??= this.#restore().finally(() => (this.#restoring = null));
    await this.#restoring;
    return this.signedIn ? this.#account() : null;
  }

  async logout() {
    await this.#restored();
    await this.#lock.run(async () => {
      const signed = this.#state.current;
      const kept = await this.#keep.load();
      const transport = signed?.transport ?? (kept ? "bearer" : this.#transport);
      if (transport === "bearer" && kept === null && signed === null) return;
      const body = transport === "bearer" && kept ? { refresh: kept.refresh } : {};
      // Beside a header the server would not look at the cookie, and the cookie must go.
      const headers = transport === "bearer" ? authorization(signed) : {};
      const answer = await this.#server.ask("POST", "logout/", { body, headers, credentials: setting(transport) });
      if (!answer.ok && !isRefusal(answer.error)) throw answer.error;
      for (const session of new Set([signed?.session, kept?.session])) await this.#refresher.over(session, "logout");
    });
  }

  async logoutAll() {
    const { session } = await this.#must("POST", "logout/all/", { cookies: true });
    await this.#refresher.over(session, "logout_all");
  }

  async logoutOthers() {
    await this.#must("POST", "logout/others/");
  }

  /** Drop everything without telling the server. Cookies stay: no script can reach them. */
  async forget() {
    await this.#lock.run(async () => {
      const kept = await this.#keep.load();
      for (const session of new Set([this.session ?? undefined, kept?.session])) {
        await this.#refresher.over(session, "forgotten");
      }
    });
  }

  async me() {
    const { body } = (await this.#must("GET", "me/")).answer;
    if (body.session === this.session) {
      this.#state.update({ user: asObject(body.user), claims: asObject(body.claims) });
    } else if (this.transport === "cookie") {
      this.#recognise(body); // the cookies are of a sign-in that we were not told of
    }
    return body;
  }

  async sessions() {
    const { answer } = await this.#must("GET", "sessions/");
    if (!Array.isArray(answer.data)) throw answer.error;
    return /** @type {import("../types/index.js").SessionInfo[]} */ (answer.data);
  }

  /** @param {string} id */
  async revokeSession(id) {
    if (id === this.session) return this.logout(); // which clears its cookies, too
    await this.#must("DELETE", `sessions/${encodeURIComponent(id)}/`);
  }

  /** @param {{oldPassword: string, newPassword: string}} passwords */
  async changePassword({ oldPassword, newPassword }) {
    const body = { old_password: oldPassword, new_password: newPassword };
    await this.#restored();
    // Alone: a refresh that crosses it, here or in another tab, would come with a token that has just become invalid.
    return this.#lock.run(async () => {
      const renew = (/** @type {Signed} */ stale) => this.#refresher.renewInLock(stale);
      const { answer } = await this.#must("POST", "password/change/", { body, cookies: true, renew });
      await this.#refresher.accept(granted(answer, this.transport ?? this.#transport));
      return this.#account();
    });
  }

  /** @param {RequestInfo | URL} input @param {RequestInit} [init] @returns {Promise<Response>} */
  async fetch(input, init = {}) {
    await this.#restored();
    return this.#wrapper.send(input, init, (signed) => this.#credentials(signed));
  }

  /** Stop listening to other tabs. For tests, and for pages that make several clients. */
  close() {
    this.#tabs.close();
  }

  /** Cookies go along only where they are what signs in. @param {Signed | null} signed @returns {RequestCredentials} */
  #credentials(signed) {
    return (signed?.transport ?? this.#transport) === "cookie" ? "include" : "omit";
  }

  /**
   * One of our own endpoints, for somebody who is signed in. `cookies`: whether its answer may set some.
   * @param {string} method @param {string} path
   * @param {{body?: Json, cookies?: boolean, renew?: import("./caller.js").Renew}} [options]
   */
  async #must(method, path, { body, cookies = false, renew } = {}) {
    if (!renew) await this.#restored();
    const { session } = this.#state.current ?? {};
    const answer = await Answer.of(
      await this.#caller.call((signed) => {
        const credentials = cookies ? setting(signed?.transport ?? this.#transport) : this.#credentials(signed);
        return this.#server.ask(method, path, { ...(body && { body }), headers: authorization(signed), credentials });
      }, renew),
    );
    if (!answer.ok) throw answer.error;
    return { answer, session };
  }

  async #restore() {
    if (this.signedIn) return;
    if (this.#transport === "cookie" && (await this.#keep.load()) === null) {
      const answer = await this.#server.ask("GET", "me/", { credentials: "include" });
      if (this.signedIn || (answer.ok && this.#recognise(answer.body))) return;
      if (!answer.ok && answer.status !== 401) throw answer.error;
    }
    await this.#refresher.renew(null);
  }

  /**
   * Whether a session of ours is signed in by its cookie; Django's own session (of its admin, say) is another matter.
   * @param {Json} me
   */
  #recognise({ user, claims, session, method }) {
    if (method !== "jwt" || typeof session !== "string") return false;
    const who = { user: asObject(user), claims: asObject(claims) };
    return this.#state.adopt({ transport: "cookie", access: null, session, ...who, expiresIn: null });
  }

  /** Until it is known whether somebody is signed in, nothing is sent in nobody's name. */
  async #restored() {
    await this.#restoring?.catch(() => {});
  }

  #account() {
    const { user, claims, session, transport } = this;
    return { user: asObject(user), claims: asObject(claims), session: String(session), transport: transport ?? this.#transport };
  }
}

/** Whether an endpoint may read and set cookies. @param {Transport} transport @returns {RequestCredentials} */
function setting(transport) {
  return transport === "bearer" ? "omit" : "include";
}

/** @param {Signed | null} signed @returns {Record<string, string>} */
function authorization(signed) {
  return signed?.access ? { Authorization: `Bearer ${signed.access}` } : {};
}

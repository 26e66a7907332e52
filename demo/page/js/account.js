// Who uses this page, by whichever transport: the library's client for tokens, ours for Django's sessions.

import { createClient } from "/client/index.js";
import { csrfToken, SessionClient } from "./session.js";
import { traced } from "./trace.js";

export const AUTH = "/auth/";

const lanyard = createClient({ baseUrl: AUTH, fetch: traced });
const django = new SessionClient({ baseUrl: AUTH, fetch: traced });

/** Whichever is signed in. */
function current() {
  return django.signedIn ? django : lanyard;
}

export const account = {
  get signedIn() {
    return current().signedIn;
  },
  get user() {
    return current().user;
  },
  get session() {
    return current().session;
  },
  /** @returns {"bearer" | "hybrid" | "cookie" | "session" | null} */
  get transport() {
    return current().transport;
  },
  /** Seconds that the access token has left; of a Django session, the session. */
  get expiresIn() {
    return current().expiresIn;
  },
  /** From the token: for showing and hiding things. The server decides all the same. @returns {string[]} */
  get roles() {
    const roles = current().claims?.roles;
    return Array.isArray(roles) ? roles.map(String) : [];
  },
  get name() {
    return String(current().user?.username ?? "");
  },

  /** After a reload. */
  async restore() {
    await lanyard.restore();
    if (!lanyard.signedIn && csrfToken()) await django.restore();
  },

  /** @param {{username: string, password: string, device: string, transport: string}} credentials */
  async login({ transport, ...rest }) {
    if (transport === "session") return django.login(rest);
    await lanyard.login({ ...rest, transport: /** @type {"hybrid" | "cookie" | "bearer"} */ (transport) });
  },

  logout: () => current().logout(),
  logoutOthers: () => current().logoutOthers(),
  sessions: () => current().sessions(),
  /** @param {string} id */
  revokeSession: (id) => current().revokeSession(id),
  /** @param {{oldPassword: string, newPassword: string}} passwords */
  changePassword: (passwords) => current().changePassword(passwords),

  /** @param {(event: {type: string, reason: string | null}) => void} listener */
  subscribe(listener) {
    const both = [lanyard.subscribe(listener), django.subscribe(listener)];
    return () => both.forEach((unsubscribe) => unsubscribe());
  },

  /**
   * A call to the API, signed in. Rejects with the server's words when it is refused.
   * @param {string} url @param {{method?: string, body?: unknown}} [call]
   */
  async call(url, { method = "GET", body } = {}) {
    const init = body === undefined ? { method } : { method, headers: JSON_BODY, body: JSON.stringify(body) };
    const response = await current().fetch(url, init);
    const answer = response.status === 204 ? null : await response.json().catch(() => ({}));
    if (!response.ok) throw Object.assign(new Error(answer?.detail ?? `HTTP ${response.status}`), answer);
    return answer;
  },
};

const JSON_BODY = { "Content-Type": "application/json" };

// A server for client tests: the sign-in contract as a client meets it, in memory, with failures on demand.

export const API = "https://api.test/";
export const AUTH = `${API}auth/`;
export const PASSWORD = "correct horse battery";

const LIFETIME = 300;
const GRACE = 10;

/** @typedef {{method: string, url: string, headers: Headers, body: string, cookies: Map<string, string>}} Asked */
/** @typedef {{status: number, body?: unknown, headers?: Record<string, string>, cookies?: Record<string, string>}} Said */

export class FakeServer {
  /** Seconds by its own clock. */
  now = 1_000;
  /** Used up one per refresh: an answer, or an error, instead of it. @type {((asked: Asked) => Said | undefined)[]} */
  faults = [];
  /** Used up one per refresh: whether its answer gets lost on the way. @type {boolean[]} */
  lost = [];
  /** Everything that was asked. @type {(Asked & {path: string})[]} */
  log = [];
  roles = ["author"];
  password = PASSWORD;
  /** What refusals of a dead access cookie look like: the project's own exception handler may add no code. */
  codeWithoutCredentials = "not_authenticated";
  #sessions = new Map();
  #accesses = new Map();
  #count = 0;

  /** @param {string} path */
  asked(path) {
    return this.log.filter((asked) => asked.path === path);
  }

  get refreshes() {
    return this.asked("/auth/refresh/");
  }

  get keys() {
    return this.refreshes.map(({ headers }) => headers.get("Idempotency-Key"));
  }

  /** @param {string} id */
  session(id) {
    return this.#sessions.get(id);
  }

  /** @param {string} [code] */
  killAccess(code = "token_expired") {
    for (const access of this.#accesses.values()) access.refused ??= code;
  }

  /** @param {string} id @param {string} [reason] */
  revoke(id, reason = "token_revoked") {
    this.session(id).dead ??= reason;
  }

  /** @param {Asked} asked @returns {Said} */
  handle(asked) {
    const path = new URL(asked.url).pathname;
    this.log.push({ ...asked, path });
    if (path === "/auth/login/") return this.#login(asked);
    if (path === "/auth/refresh/") return this.#faultyRefresh(asked);
    if (path === "/auth/logout/") return this.#logout(asked);
    const found = this.#authenticate(asked);
    if ("status" in found) return found;
    if (path.startsWith("/auth/")) return this.#account(path, asked, found);
    return { status: 200, body: { user: found.user, echo: asked.body } };
  }

  #login({ body }) {
    const { username, password, transport, device = "" } = JSON.parse(body);
    if (password !== this.password) return refused("invalid_credentials");
    const id = `session-${++this.#count}`;
    this.#sessions.set(id, { id, user: username, transport, device, counter: 0, rotatedAt: -1e9, key: null, epoch: 0 });
    return this.#grant(this.session(id));
  }

  #faultyRefresh(asked) {
    const fault = this.faults.shift()?.(asked);
    if (fault) return fault;
    const said = this.#refresh(asked);
    if (this.lost.shift()) throw new TypeError("the answer was lost");
    return said;
  }

  #refresh({ body, cookies, headers }) {
    const fromBody = JSON.parse(body).refresh;
    const token = fromBody ?? cookies.get("refresh");
    if (token === undefined) return refused("not_authenticated");
    const [, id, epoch, counter] = token.split(":");
    const session = this.session(id);
    if (!session || Number(epoch) !== session.epoch) return refused("token_invalid");
    if ((fromBody === undefined) !== (session.transport !== "bearer")) return refused("token_invalid");
    const refusal = this.#rotate(session, Number(counter), headers.get("Idempotency-Key"));
    return refusal ? refused(refusal, cleared) : this.#grant(session);
  }

  #rotate(session, counter, key) {
    if (session.dead) return session.dead;
    const inGrace = this.now - session.rotatedAt < GRACE;
    if (counter === session.counter && inGrace) return null;
    if (counter === session.counter) {
      Object.assign(session, { counter: counter + 1, rotatedAt: this.now, key });
      return null;
    }
    const repeats = counter === session.counter - 1 && (inGrace || (key !== null && key === session.key));
    if (!repeats) session.dead = "refresh_reused";
    return repeats ? null : "refresh_reused";
  }

  #logout({ headers, body, cookies }) {
    const access = this.#accesses.get(headers.get("Authorization")?.slice("Bearer ".length) ?? cookies.get("access"));
    const refresh = JSON.parse(body || "{}").refresh ?? cookies.get("refresh");
    for (const id of [access?.session.id, refresh?.split(":")[1]]) if (id) this.revoke(id);
    return { status: 204, cookies: cleared };
  }

  #account(path, { method, body }, session) {
    const all = [...this.#sessions.values()].filter(({ user, dead }) => user === session.user && !dead);
    if (path === "/auth/me/") return { status: 200, body: { ...this.#describe(session), method: "jwt" } };
    if (path === "/auth/sessions/") {
      return { status: 200, body: all.map(({ id, device }) => ({ id, device, current: id === session.id })) };
    }
    if (path === "/auth/logout/all/" || path === "/auth/logout/others/") {
      const others = path.endsWith("others/");
      for (const { id } of all) if (!others || id !== session.id) this.revoke(id);
      return { status: 204, cookies: others ? {} : cleared };
    }
    if (path === "/auth/password/change/") return this.#changePassword(JSON.parse(body), all, session);
    const id = decodeURIComponent(path.split("/")[3]);
    if (method !== "DELETE" || !all.some((one) => one.id === id)) {
      return { status: 404, body: { detail: "Not found.", code: "not_found" } };
    }
    this.revoke(id);
    return { status: 204 };
  }

  #changePassword({ old_password: old, new_password: wanted }, all, session) {
    if (old !== this.password) {
      const errors = { old_password: ["The old password is not correct."] };
      return { status: 400, body: { detail: "The request is malformed.", code: "invalid_request", errors } };
    }
    for (const { id } of all) if (id !== session.id) this.revoke(id);
    for (const access of this.#accesses.values()) if (access.session.user === session.user) access.refused ??= "token_stale";
    session.epoch += 1;
    this.password = wanted;
    return this.#grant(session);
  }

  #authenticate({ headers, cookies }) {
    const header = headers.get("Authorization");
    const access = this.#accesses.get(header === null ? cookies.get("access") : header.slice("Bearer ".length));
    const refusal = access === undefined ? "token_invalid" : this.#refusal(access);
    if (refusal === null) return access.session;
    return refused(header === null ? this.codeWithoutCredentials : refusal); // a dead cookie counts as none
  }

  #refusal(access) {
    if (access.session.dead) return "token_revoked";
    return access.refused ?? (this.now >= access.ends ? "token_expired" : null);
  }

  #describe({ id, user }) {
    return { session: id, user: { username: user }, claims: { roles: this.roles } };
  }

  #grant(session) {
    const access = `access-secret-${++this.#count}`;
    const refresh = `refresh-secret:${session.id}:${session.epoch}:${session.counter}`;
    this.#accesses.set(access, { session, ends: this.now + LIFETIME });
    const [inBody, inCookies] = {
      bearer: [{ access, refresh }, {}],
      hybrid: [{ access }, { refresh }],
      cookie: [{}, { access, refresh }],
    }[session.transport];
    const body = { ...inBody, expires_in: LIFETIME, token_type: "Bearer", ...this.#describe(session) };
    return { status: 200, body, cookies: inCookies };
  }
}

const cleared = { access: "", refresh: "" };

/** @param {string | null} code @param {Record<string, string>} [cookies] @returns {Said} */
export function refused(code, cookies = {}) {
  return { status: 401, body: code === null ? { detail: "No." } : { detail: `No: ${code}.`, code }, cookies };
}

/** A fault: this answer instead of a refresh. */
export const answers = (status, headers = {}, body = undefined) => () => ({ status, headers, body });

/** A fault: the request never arrives. */
export function unreachable() {
  throw new TypeError("connection refused");
}

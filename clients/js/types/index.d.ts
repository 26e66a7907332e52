/** A JSON object. */
export type Json = Record<string, unknown>;

/**
 * How credentials travel. `hybrid`: the access token in memory, the refresh token in an HttpOnly cookie.
 * `cookie`: both in HttpOnly cookies. `bearer`: both by this client, the refresh token in its storage.
 */
export type Transport = "bearer" | "hybrid" | "cookie";

/** Who is signed in. The shapes of `user` and `claims` are the server's. */
export interface Account<User = Json, Claims = Json> {
  user: User;
  claims: Claims;
  session: string;
  transport: Transport;
}

export interface Credentials {
  username: string;
  password: string;
  /** A name for the user's list of devices. */
  device?: string;
  /** Another transport than the client's. */
  transport?: Transport;
  /** Whatever else your sign-in asks for. */
  [field: string]: unknown;
}

export type EventType = "signed-in" | "refreshed" | "changed" | "signed-out";

/** What happened, and who is signed in after it. */
export interface Event<User = Json, Claims = Json> {
  type: EventType;
  /** Whether it happened in another tab. */
  elsewhere: boolean;
  /** Of "signed-out": "logout", "logout_all", "forgotten" or the server's code ("token_revoked"). */
  reason: string | null;
  user: User | null;
  claims: Claims | null;
  session: string | null;
  transport: Transport | null;
}

/** One of the user's devices. */
export interface SessionInfo {
  id: string;
  current: boolean;
  [field: string]: unknown;
}

export interface LanyardClient<User = Json, Claims = Json> {
  readonly signedIn: boolean;
  readonly user: User | null;
  /** What the server says the user may do: for showing and hiding things. The server decides all the same. */
  readonly claims: Claims | null;
  /** The id of the session. */
  readonly session: string | null;
  readonly transport: Transport | null;
  /** When the access token ends, in milliseconds of `performance.now()`; null if nobody knows. */
  readonly expiresAt: number | null;
  /** Seconds that the access token has left. */
  readonly expiresIn: number | null;

  /** Sign in. Rejects with a `LanyardError`: `invalid_credentials`, `throttled`… */
  login(credentials: Credentials): Promise<Account<User, Claims>>;
  /** After a reload: find out whether somebody is signed in. Rejects when that cannot be found out now. */
  restore(): Promise<Account<User, Claims> | null>;
  /** End this session, in all tabs. Rejects, and keeps everything, when the server did not confirm. */
  logout(): Promise<void>;
  /** End every session of the user. */
  logoutAll(): Promise<void>;
  /** End every session of the user but this one. */
  logoutOthers(): Promise<void>;
  /** Drop everything without telling the server. (Cookies stay: no script can reach them.) */
  forget(): Promise<void>;
  /** Ask the server who is signed in, and how; updates `user` and `claims`. */
  me(): Promise<Json>;
  /** The user's devices. */
  sessions(): Promise<SessionInfo[]>;
  /** Sign a device out. */
  revokeSession(id: string): Promise<void>;
  /** Every other session of the user ends. */
  changePassword(passwords: { oldPassword: string; newPassword: string }): Promise<Account<User, Claims>>;
  /**
   * `fetch`, signed in. Calls to other origins pass unchanged. A 401 that it returns means: signed out.
   * Rejects with a `LanyardError` when a refresh was needed and not possible now.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Be told of what happens, until the returned function is called. */
  subscribe(listener: (event: Event<User, Claims>) => void): () => void;
  /** Stop listening to other tabs. */
  close(): void;
}

/** Where a bearer client keeps its one value. It holds the refresh token: never localStorage. */
export interface Storage {
  get(name: string): Promise<string | null> | string | null;
  set(name: string, value: string): Promise<void> | void;
  delete(name: string): Promise<void> | void;
}

export interface Options {
  /** Where the sign-in endpoints are: "https://api.example.com/auth/", or "/auth/". */
  baseUrl: string;
  /** Of sign-ins, unless they say otherwise. "hybrid" by default. */
  transport?: Transport;
  /** Further origins that calls are sent to signed in. That of `baseUrl` is always one. */
  origins?: readonly string[];
  /** For the bearer transport only. In memory by default. */
  storage?: Storage;
  /** The platform's by default. */
  fetch?: typeof globalThis.fetch;
  /** Milliseconds for one request to a sign-in endpoint; 10,000 by default. */
  timeout?: number;
  /** The user model's USERNAME_FIELD; "username" by default. */
  usernameField?: string;
  /** For Idempotency-Keys. `crypto.randomUUID` by default. */
  randomUUID?: () => string;
  /** For tests: milliseconds that never go back. `performance.now` by default. */
  clock?: () => number;
  /** For tests. */
  sleep?: (milliseconds: number) => Promise<unknown>;
}

/** What a client uses of Web Locks. */
export interface Locks {
  request<T>(name: string, options: LockOptions, task: () => Promise<T>): Promise<T>;
  query(): Promise<{ held?: { name?: string }[] }>;
}

/** What a client uses of a BroadcastChannel. */
export interface Channel {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
  unref?(): void;
}

/** What the entry points fill in, and tests replace. */
export interface Platform {
  locks?: Locks | null | undefined;
  BroadcastChannel?: (new (name: string) => Channel) | null | undefined;
  /** Milliseconds to wait for another tab that has news. */
  tabPatience?: number;
  /** Milliseconds to wait for another tab that holds the lock. */
  lockPatience?: number;
}

/**
 * Something could not be done. `code` is the server's, or `network_error`, `unavailable`, `unexpected_answer`,
 * `body_not_replayable`, `storage_failed`. Never carries a token or a password.
 */
export class LanyardError extends Error {
  constructor(
    message: string,
    about: { code: string; status?: number; retryAfter?: number | null; errors?: Json | null; cause?: unknown },
  );
  readonly code: string;
  /** Of the HTTP answer; 0 if there was none. */
  readonly status: number;
  /** Seconds to wait, if the server said so. */
  readonly retryAfter: number | null;
  /** Complaints by field, for a body that was wrong. */
  readonly errors: Json | null;
  /** Whether the network or the server failed for now: nothing is lost, try again later. */
  readonly temporary: boolean;
}

export function createClient<User = Json, Claims = Json>(options: Options): LanyardClient<User, Claims>;

/** Forgets with the page. */
export function memoryStorage(): Storage;

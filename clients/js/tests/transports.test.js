// What each transport sends, keeps and shows.

import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "node:test";

import { LanyardError, memoryStorage } from "drf-lanyard-client";

import { FakeBrowser } from "./support/browser.js";
import { API, AUTH, PASSWORD } from "./support/server.js";

const TRANSPORTS = ["bearer", "hybrid", "cookie"];
const ALICE = { username: "alice", password: PASSWORD };

for (const transport of TRANSPORTS) {
  test(`${transport}: signing in tells who it is, and calls are signed in`, async () => {
    const browser = new FakeBrowser();
    const client = browser.tab({ transport });
    assert.deepEqual([client.signedIn, client.user, client.claims, client.session, client.transport], [false, null, null, null, null]);
    const account = await client.login({ ...ALICE, device: "laptop" });
    assert.deepEqual(account, {
      user: { username: "alice" },
      claims: { roles: ["author"] },
      session: client.session,
      transport,
    });
    assert.deepEqual([client.user, client.claims, client.transport, client.signedIn], [account.user, account.claims, transport, true]);
    assert.deepEqual(JSON.parse(browser.server.log[0].body), { ...ALICE, device: "laptop", transport });
    assert.equal((await client.fetch(`${API}posts/`)).status, 200);
    assert.deepEqual((await client.sessions()).map(({ device, current }) => [device, current]), [["laptop", true]]);
    assert.equal((await client.me()).session, client.session);
  });

  test(`${transport}: life is counted from receipt, on a clock that cannot be set`, async (t) => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    assert.equal(client.expiresAt, browser.clock.now + 300_000);
    t.mock.method(Date, "now", () => 0); // somebody sets the wall clock
    browser.clock.now += 250_000;
    assert.equal(client.expiresIn, 50);
    await client.fetch(`${API}posts/`);
    assert.equal(browser.server.refreshes.length, 0);
  });

  test(`${transport}: refreshed shortly before the end, when a call is made`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    browser.pass(291);
    assert.equal(browser.server.refreshes.length, 0); // no timer does it
    assert.equal((await client.fetch(`${API}posts/`)).status, 200);
    assert.equal(browser.server.refreshes.length, 1);
    assert.equal(browser.server.asked("/posts/").length, 1);
  });

  test(`${transport}: nobody finds a secret on the client`, async () => {
    const client = await new FakeBrowser().signedIn({ transport });
    assert.doesNotMatch(inspect(client, { depth: 9, showHidden: true }) + JSON.stringify(client), /secret/);
  });

  test(`${transport}: logout ends the session and forgets everything`, async () => {
    const browser = new FakeBrowser();
    const storage = memoryStorage();
    const client = await browser.signedIn({ transport, storage });
    const { session } = client;
    await client.logout();
    assert.equal(browser.server.session(session).dead, "token_revoked");
    assert.deepEqual([client.user, client.claims, client.session, client.expiresAt], [null, null, null, null]);
    assert.equal(browser.jar.size, 0);
    assert.equal(await client.restore(), null);
    await client.logout(); // nothing is left to end
  });

  test(`${transport}: a wrong password is an error that says so, and changes nothing`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    await assert.rejects(client.login({ username: "bob", password: "?" }), (error) => {
      assert.ok(error instanceof LanyardError);
      assert.deepEqual([error.code, error.status, error.temporary], ["invalid_credentials", 401, false]);
      return true;
    });
    assert.equal(client.user.username, "alice");
  });
}

test("bearer: the refresh token is in the storage, and only there; nothing goes with cookies", async () => {
  const browser = new FakeBrowser();
  browser.jar.set("refresh", "somebody else's");
  const kept = new Map();
  const storage = { get: (name) => kept.get(name) ?? null, set: (name, value) => void kept.set(name, value), delete: (name) => void kept.delete(name) };
  const client = await browser.signedIn({ transport: "bearer", storage });
  browser.server.killAccess();
  await client.fetch(`${API}posts/`);
  assert.deepEqual([...kept.keys()], ["lanyard.https___api.test_auth_"]);
  assert.deepEqual(JSON.parse([...kept.values()][0]), { server: AUTH, refresh: "refresh-secret:session-1:0:1", session: "session-1", key: null });
  assert.deepEqual(new Set(browser.sent.map(({ credentials }) => credentials)), new Set(["omit"]));
  await client.logout();
  assert.equal(kept.size, 0);
});

test("hybrid: the refresh token is in no body; cookies go with sign-in, refresh and logout only", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn({ transport: "hybrid" });
  browser.server.killAccess();
  await client.fetch(`${API}posts/`);
  await client.me();
  await client.sessions();
  await client.changePassword({ oldPassword: PASSWORD, newPassword: "new" });
  await client.logout();
  assert.equal(browser.sent.at(-1).headers.get("Authorization"), null); // beside it, the cookie would not count
  const included = browser.sent.filter(({ credentials }) => credentials === "include").map(({ url }) => url);
  assert.deepEqual(new Set(included), new Set(["login/", "refresh/", "password/change/", "logout/"].map((path) => AUTH + path)));
  assert.doesNotMatch(browser.server.log.map(({ body }) => body).join(), /secret/);
});

test("cookie: cookies go with every call, and no script ever sees a token", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn({ transport: "cookie" });
  browser.server.killAccess();
  await client.fetch(`${API}posts/`);
  await client.me();
  assert.deepEqual(new Set(browser.sent.map(({ credentials }) => credentials)), new Set(["include"]));
  assert.ok(browser.sent.every(({ headers }) => !headers.has("Authorization")));
});

test("a sign-in may choose another transport than the client's", async () => {
  const browser = new FakeBrowser();
  const storage = memoryStorage();
  const client = browser.tab({ transport: "hybrid", storage });
  await client.login({ ...ALICE, transport: "bearer" });
  assert.equal(client.transport, "bearer");
  await client.login({ ...ALICE, transport: "cookie" });
  assert.equal(client.transport, "cookie");
  assert.equal(await storage.get("lanyard.https___api.test_auth_"), null); // of the earlier sign-in
});

for (const [transport, body] of [
  ["hybrid", { access: "a", refresh: "r" }], // a refresh token that a script could read
  ["cookie", { access: "a" }],
  ["bearer", { access: "a" }],
  ["bearer", {}],
  ["hybrid", { access: 7 }],
]) {
  test(`an answer of another transport is refused: ${transport}, ${Object.keys(body)}`, async () => {
    const client = new FakeBrowser().tab({
      transport,
      fetch: async () => Response.json({ ...body, expires_in: 300, session: "1", user: {}, claims: {} }),
    });
    await assert.rejects(client.login(ALICE), { name: "LanyardError", code: "unexpected_answer", status: 200 });
    assert.equal(client.signedIn, false);
  });
}

test("sign-in, refresh and logout follow no redirect, and are never cached", async () => {
  const browser = new FakeBrowser();
  /** @type {RequestInit[]} */
  const inits = [];
  const fetch = (input, init) => (inits.push(init), browser.fetch(input, init));
  const client = await browser.signedIn({ fetch });
  browser.server.faults = [() => ({ status: 307, headers: { Location: "https://evil.test/" } })];
  browser.server.killAccess();
  assert.equal((await client.fetch(`${API}posts/`)).status, 200); // tried again
  await client.logout();
  const own = inits.filter((_, at) => browser.sent[at].url.startsWith(AUTH));
  assert.equal(own.length, 4);
  assert.ok(own.every(({ redirect, cache }) => redirect === "error" && cache === "no-store"));
  assert.ok(browser.sent.every(({ url }) => url.startsWith(API)));
});

test("another name for the user name, and further fields", async () => {
  const browser = new FakeBrowser();
  const client = browser.tab({ usernameField: "email" });
  await client.login({ username: "alice@example.com", password: PASSWORD, otp: "123456" });
  assert.deepEqual(JSON.parse(browser.server.log[0].body), { email: "alice@example.com", password: PASSWORD, otp: "123456", transport: "hybrid" });
});

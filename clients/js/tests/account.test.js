// The account endpoints, logout, and what subscribers are told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LanyardError, memoryStorage } from "drf-lanyard-client";

import { FakeBrowser, until } from "./support/browser.js";
import { API, AUTH, PASSWORD, answers, refused, unreachable } from "./support/server.js";

const POSTS = `${API}posts/`;
const TRANSPORTS = ["bearer", "hybrid", "cookie"];

for (const transport of TRANSPORTS) {
  test(`${transport}: devices are listed and signed out`, async () => {
    const browser = new FakeBrowser();
    const phone = await browser.signedIn({ transport: "bearer" });
    const client = await browser.signedIn({ transport });
    assert.equal((await client.sessions()).length, 2);
    await client.revokeSession(phone.session);
    assert.equal((await client.sessions()).length, 1);
    await phone.fetch(POSTS);
    assert.equal(phone.signedIn, false);
    await assert.rejects(client.revokeSession("../me"), { code: "not_found", status: 404, temporary: false });
    assert.equal(browser.server.log.at(-1).path, "/auth/sessions/..%2Fme/");
  });

  test(`${transport}: signing this device out is a logout`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    await client.revokeSession(client.session);
    assert.equal(client.signedIn, false);
    assert.equal(browser.jar.size, 0);
  });

  test(`${transport}: logout everywhere and elsewhere`, async () => {
    const browser = new FakeBrowser();
    const [phone, client] = [await browser.signedIn({ transport: "bearer" }), await browser.signedIn({ transport })];
    await client.logoutOthers();
    assert.equal(client.signedIn, true);
    await phone.fetch(POSTS);
    assert.equal(phone.signedIn, false);
    const events = [];
    client.subscribe(({ type, reason }) => events.push([type, reason]));
    await client.logoutAll();
    assert.deepEqual(events, [["signed-out", "logout_all"]]);
    assert.equal(browser.jar.size, 0);
  });

  test(`${transport}: a changed password brings new credentials, and an expired token does not hinder it`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    browser.server.killAccess();
    const account = await client.changePassword({ oldPassword: PASSWORD, newPassword: "new" });
    assert.deepEqual(JSON.parse(browser.server.log.at(-1).body), { old_password: PASSWORD, new_password: "new" });
    assert.equal(account.session, client.session);
    assert.equal((await client.fetch(POSTS)).status, 200);
    browser.pass(60);
    browser.server.killAccess();
    assert.equal((await client.fetch(POSTS)).status, 200);
    assert.equal(browser.server.refreshes.length, 2);
  });

  test(`${transport}: complaints about a password are passed on, by field`, async () => {
    const client = await new FakeBrowser().signedIn({ transport });
    await assert.rejects(client.changePassword({ oldPassword: "?", newPassword: "new" }), {
      code: "invalid_request",
      status: 400,
      errors: { old_password: ["The old password is not correct."] },
    });
    assert.equal(client.signedIn, true);
  });

  for (const [name, fault] of Object.entries({ "no answer": unreachable, 429: answers(429, { "Retry-After": "7" }), 503: answers(503) })) {
    test(`${transport}: ${name} to a logout keeps everything, so that it can be tried again`, async () => {
      const browser = new FakeBrowser();
      let broken = true;
      const fetch = async (input, init) => {
        if (!broken || !String(input).endsWith("logout/")) return browser.fetch(input, init);
        const { status, headers } = fault();
        return new Response(null, { status, headers });
      };
      const client = await browser.signedIn({ transport, fetch });
      await assert.rejects(client.logout(), { temporary: true, status: Number(name) || 0, retryAfter: name === "429" ? 7 : null });
      assert.equal(client.signedIn, true);
      broken = false;
      await client.logout();
      assert.equal(client.signedIn, false);
      assert.ok(browser.server.session("session-1").dead);
    });
  }

  test(`${transport}: a refresh under way does not bring back who signs out`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    browser.server.killAccess();
    const call = client.fetch(POSTS);
    await until(() => browser.server.refreshes.length === 1);
    await client.logout();
    await call;
    assert.equal(client.signedIn, false);
    assert.equal(browser.jar.size, 0);
  });

  test(`${transport}: account calls of nobody are refused by the server`, async () => {
    const client = new FakeBrowser().tab({ transport });
    await assert.rejects(client.sessions(), { code: "not_authenticated", status: 401 });
    await assert.rejects(client.logoutAll(), { code: "not_authenticated" });
    await assert.rejects(client.me(), { code: "not_authenticated" });
  });

  test(`${transport}: forget() tells nobody but the other tabs`, async () => {
    const browser = new FakeBrowser();
    const storage = memoryStorage();
    const client = await browser.signedIn({ transport, storage });
    const asked = browser.sent.length;
    await client.forget();
    assert.equal(client.signedIn, false);
    assert.equal(browser.sent.length, asked);
    assert.equal(await storage.get("lanyard.https___api.test_auth_"), null);
  });
}

test("a logout that is refused because the session is over is one", async () => {
  const browser = new FakeBrowser();
  const fetch = async (input, init) =>
    String(input).endsWith("logout/") ? Response.json(refused("token_revoked").body, { status: 401 }) : browser.fetch(input, init);
  const client = await browser.signedIn({ fetch });
  await client.logout();
  assert.equal(client.signedIn, false);
});

test("new claims of a refresh are told; so are those that me() finds", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  const events = [];
  client.subscribe(({ type, claims }) => events.push([type, claims.roles.join()]));
  browser.server.roles = ["author", "moderator"];
  browser.server.killAccess("token_stale");
  await client.fetch(POSTS);
  assert.deepEqual(events.splice(0), [["refreshed", "author,moderator"], ["changed", "author,moderator"]]);
  browser.server.roles = ["author"];
  await client.me();
  assert.deepEqual(events.splice(0), [["changed", "author"]]);
  assert.deepEqual(client.claims, { roles: ["author"] });
  await client.me();
  assert.deepEqual(events, []);
});

test("an event tells what happened and who is signed in after it", async () => {
  const browser = new FakeBrowser();
  const client = browser.tab();
  const events = [];
  client.subscribe((event) => events.push(event));
  await client.login({ username: "alice", password: PASSWORD });
  await client.logout();
  const who = { user: { username: "alice" }, claims: { roles: ["author"] }, session: "session-1", transport: "hybrid" };
  const nobody = { user: null, claims: null, session: null, transport: null };
  assert.deepEqual(events, [
    { type: "signed-in", elsewhere: false, reason: null, ...who },
    { type: "signed-out", elsewhere: false, reason: "logout", ...nobody },
  ]);
});

test("a listener that fails costs nobody anything; one that leaves is told no more", async (t) => {
  const reported = t.mock.method(console, "error", () => {});
  const client = new FakeBrowser().tab();
  const events = [];
  const listener = ({ type }) => events.push(type);
  const leave = [client.subscribe(listener), client.subscribe(listener)];
  client.subscribe(() => {
    throw new Error("a bug of the application");
  });
  await client.login({ username: "alice", password: PASSWORD });
  assert.equal(reported.mock.callCount(), 1);
  assert.deepEqual(events, ["signed-in", "signed-in"]);
  leave[0]();
  leave[0]();
  await client.logout();
  assert.deepEqual(events, ["signed-in", "signed-in", "signed-out"]);
});

test("no error carries a token or a password", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn({ transport: "bearer" });
  browser.server.killAccess();
  browser.server.faults = Array(3).fill(unreachable);
  const error = await client.fetch(POSTS).catch((caught) => caught);
  assert.ok(error instanceof LanyardError && error instanceof Error);
  assert.doesNotMatch(JSON.stringify(error) + error.stack + error.message, /secret|horse/);
  const refusal = await client.login({ username: "alice", password: "battery staple" }).catch((caught) => caught);
  assert.doesNotMatch(JSON.stringify(refusal) + refusal.stack, /staple/);
});

test("a base URL is taken with or without its slash, and needs an origin", async () => {
  const browser = new FakeBrowser();
  await browser.signedIn({ baseUrl: "https://api.test/auth" });
  assert.equal(browser.sent[0].url, `${AUTH}login/`);
  for (const baseUrl of ["/auth/", "auth", "file:///auth/"]) assert.throws(() => browser.tab({ baseUrl }), TypeError);
  globalThis.location = { href: "https://api.test/page?x" };
  try {
    await browser.signedIn({ baseUrl: "/auth/" });
    assert.equal(browser.sent[1].url, `${AUTH}login/`);
  } finally {
    delete globalThis.location;
  }
});

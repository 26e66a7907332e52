// Tabs where something is missing, broken, hostile or somebody else's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { memoryStorage } from "drf-lanyard-client";

import { FakeBrowser, turn, until } from "./support/browser.js";
import { API, PASSWORD, unreachable } from "./support/server.js";
import { callsOf, tabs } from "./support/tabs.js";

const POSTS = `${API}posts/`;

test("the notices of the lock manager are taken down", async () => {
  const { browser, all } = await tabs(2);
  browser.server.killAccess();
  browser.server.faults = Array(3).fill(unreachable);
  await assert.rejects(all[0].fetch(POSTS));
  assert.equal(browser.locks.held.filter(({ name }) => name.includes(" key ")).length, 1);
  await all[0].fetch(POSTS);
  await until(() => !browser.locks.held.some(({ name }) => name.includes(" key ")));
  browser.close();
  await until(() => browser.locks.held.length === 0);
});

test("a tab that holds the lock for ever stops nobody", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn({ lockPatience: 1 });
  browser.locks.request("lanyard:https://api.test/auth/", {}, () => new Promise(() => {}));
  browser.server.killAccess();
  const responses = await callsOf([client]);
  assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
  assert.equal(browser.server.refreshes.length, 1);
});

test("a document that may not lock works as one without Web Locks", async () => {
  const denied = () => Promise.reject(new DOMException("The request was denied.", "SecurityError"));
  const client = await new FakeBrowser().signedIn({ locks: { request: denied, query: denied } });
  await client.logout();
  assert.equal(client.signedIn, false);
});

test("no message and no name of a lock carries a refresh token; access tokens travel in hybrid only", async () => {
  for (const [transport, expected] of [["hybrid", true], ["cookie", false], ["bearer", false]]) {
    const { browser, all } = transport === "bearer" ? { browser: new FakeBrowser(), all: [] } : await tabs(2, { transport });
    const client = all[0] ?? (await browser.signedIn({ transport }));
    browser.server.killAccess();
    await client.fetch(POSTS);
    const names = browser.locks.held.map(({ name }) => name).join();
    await client.changePassword({ oldPassword: PASSWORD, newPassword: "new" });
    await client.logout();
    const overheard = browser.channels.overheard.join();
    assert.doesNotMatch(overheard + names, /refresh-secret|correct horse/);
    assert.doesNotMatch(names, /secret/);
    assert.equal(overheard.includes("access-secret"), expected, transport);
  }
});

for (const message of [
  null,
  "text",
  {},
  { type: "granted" },
  { type: "granted", id: "1", transport: "bearer", access: "a", session: "s" },
  { type: "granted", id: "1", transport: "hybrid", access: null, session: "s" },
  { type: "granted", id: "1", transport: "cookie", access: "a", session: "s" },
  { type: "granted", id: "1", transport: "cookie", access: null },
  { type: "ended" },
  { type: "ended", session: "another" },
  { type: "ask", id: "unknown" },
]) {
  test(`a message that makes no sense is ignored: ${JSON.stringify(message)}`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn();
    const spy = new browser.channels.Channel("lanyard:https://api.test/auth/");
    const events = [];
    client.subscribe((event) => events.push(event));
    const before = browser.channels.overheard.length;
    spy.postMessage(message);
    await turn();
    await turn();
    assert.deepEqual(events, []);
    assert.equal(browser.channels.overheard.length, before + 1);
  });
}

test("clients of two servers keep to themselves", async () => {
  const browser = new FakeBrowser();
  const other = browser.tab({ baseUrl: "https://other.test/auth/" });
  await browser.signedIn();
  await turn();
  await turn();
  assert.equal(other.signedIn, false);
});

test("bearer: tabs with storages of their own are strangers", async () => {
  const browser = new FakeBrowser();
  const alice = await browser.signedIn({ transport: "bearer" });
  const bob = browser.tab({ transport: "bearer" });
  await bob.login({ username: "bob", password: PASSWORD });
  await alice.logout();
  await turn();
  await turn();
  assert.equal(bob.user.username, "bob");
  assert.equal((await bob.fetch(POSTS)).status, 200);
});

test("bearer: windows that share a storage share the session and its end", async () => {
  const browser = new FakeBrowser();
  const storage = memoryStorage();
  const first = await browser.signedIn({ transport: "bearer", storage });
  const second = browser.tab({ transport: "bearer", storage });
  await second.restore();
  browser.pass(60);
  browser.server.killAccess();
  const responses = await callsOf([first, second]);
  assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
  await second.logout();
  await until(() => !first.signedIn);
});

test("bearer: a window finds an emptied storage, and is signed out", async () => {
  const browser = new FakeBrowser();
  const storage = memoryStorage();
  const client = await browser.signedIn({ transport: "bearer", storage, BroadcastChannel: null });
  await storage.delete("lanyard.https___api.test_auth_");
  browser.server.killAccess();
  assert.equal((await client.fetch(POSTS)).status, 401);
  assert.equal(client.signedIn, false);
});

test("a bearer in one tab does not become the cookies' user of another", async () => {
  const browser = new FakeBrowser();
  const storage = memoryStorage();
  const bearer = browser.tab({ storage });
  await bearer.login({ username: "alice", password: PASSWORD, transport: "bearer" });
  const hybrid = browser.tab();
  await hybrid.login({ username: "bob", password: PASSWORD });
  await turn();
  await turn();
  assert.deepEqual([bearer.user.username, hybrid.user.username], ["alice", "bob"]);
});

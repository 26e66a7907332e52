// Several tabs of one browser: one refreshes, all follow; signed out in one is signed out in all.

import assert from "node:assert/strict";
import { test } from "node:test";

import { memoryStorage } from "drf-lanyard-client";

import { FakeBrowser, turn, until } from "./support/browser.js";
import { API, PASSWORD, unreachable } from "./support/server.js";

const POSTS = `${API}posts/`;
const JARS = ["hybrid", "cookie"];

/** A browser with tabs of which the first has signed in. */
async function tabs(count, options = {}) {
  const browser = new FakeBrowser();
  const all = Array.from({ length: count }, () => browser.tab(options));
  await all[0].login({ username: "alice", password: PASSWORD });
  await until(() => all.every(({ signedIn }) => signedIn));
  return { browser, all };
}

/** Twenty calls in every tab, at once. */
function callsOf(all) {
  return Promise.all(all.flatMap((tab) => Array.from({ length: 20 }, () => tab.fetch(POSTS))));
}

for (const transport of JARS) {
  test(`${transport}: a sign-in in one tab is one in all`, async () => {
    const { browser, all } = await tabs(3, { transport });
    for (const tab of all) {
      assert.deepEqual([tab.user.username, tab.claims.roles, tab.transport, tab.session], ["alice", ["author"], transport, all[0].session]);
      assert.equal((await tab.fetch(POSTS)).status, 200);
    }
    assert.equal(browser.server.refreshes.length, 0);
  });

  test(`${transport}: five tabs whose tokens die at once make one refresh`, async () => {
    const { browser, all } = await tabs(5, { transport });
    browser.server.killAccess();
    const responses = await callsOf(all);
    assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
    assert.equal(browser.server.refreshes.length, 1);
    assert.ok(all.every(({ signedIn }) => signedIn));
  });

  test(`${transport}: also when the messages are slower than the lock`, async () => {
    const { browser, all } = await tabs(5, { transport });
    browser.server.killAccess();
    browser.channels.held = true;
    const calls = callsOf(all);
    await until(() => browser.channels.overheard.filter((text) => text.includes('"ask"')).length > 0);
    for (let turns = 0; turns < 200; turns += 1) await turn();
    assert.equal(browser.server.refreshes.length, 1); // the others know that there is news, and wait for it
    browser.channels.held = false;
    browser.channels.deliver();
    await calls;
    assert.equal(browser.server.refreshes.length, 1);
  });

  test(`${transport}: a tab that calls a moment after another one's refresh does not refresh again`, async () => {
    const { browser, all } = await tabs(2, { transport });
    browser.server.killAccess();
    browser.channels.held = true;
    await all[0].fetch(POSTS); // its message is on its way, the lock is free
    const late = all[1].fetch(POSTS);
    for (let turns = 0; turns < 200; turns += 1) await turn();
    browser.channels.held = false;
    browser.channels.deliver();
    assert.equal((await late).status, 200);
    assert.equal(browser.server.refreshes.length, 1);
  });

  test(`${transport}: a tab with news that never answers is waited for, but not for ever`, async () => {
    const { browser, all } = await tabs(2, { transport, tabPatience: 1 });
    browser.pass(60);
    browser.server.killAccess();
    browser.channels.held = true; // for good
    await all[0].fetch(POSTS);
    browser.server.killAccess();
    assert.equal((await all[1].fetch(POSTS)).status, 200);
    assert.equal(browser.server.refreshes.length, 2); // within the server's grace: they converge
    assert.equal(browser.server.session(all[1].session).counter, 1);
  });

  test(`${transport}: without Web Locks every tab refreshes by itself, and the grace makes them converge`, async () => {
    const { browser, all } = await tabs(5, { transport, locks: null });
    browser.server.killAccess();
    browser.channels.held = true;
    const responses = await callsOf(all);
    assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
    assert.equal(browser.server.refreshes.length, 5); // one per tab, not one per call
    assert.equal(browser.server.session(all[0].session).counter, 1);
  });

  test(`${transport}: without BroadcastChannel nobody is signed out either`, async () => {
    const browser = new FakeBrowser();
    const all = [await browser.signedIn({ transport, BroadcastChannel: null }), browser.tab({ transport, BroadcastChannel: null })];
    await all[1].restore();
    browser.server.killAccess();
    const responses = await callsOf(all);
    assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
  });

  test(`${transport}: logout in one tab is logout in all`, async () => {
    const { all } = await tabs(3, { transport });
    const events = [];
    for (const tab of all) tab.subscribe(({ type, reason, elsewhere }) => events.push([type, reason, elsewhere]));
    await all[1].logout();
    await until(() => all.every(({ signedIn }) => !signedIn));
    assert.deepEqual(events.sort(), [["signed-out", "logout", false], ["signed-out", "logout", true], ["signed-out", "logout", true]].sort());
  });

  test(`${transport}: a session revoked from elsewhere is noticed by one tab and told to all`, async () => {
    const { browser, all } = await tabs(3, { transport });
    browser.server.revoke(all[0].session);
    await all[0].fetch(POSTS);
    await until(() => all.every(({ signedIn }) => !signedIn));
    assert.ok(browser.server.refreshes.length <= 1);
  });

  test(`${transport}: a call is never repeated in the name of somebody else`, async () => {
    const { browser, all } = await tabs(2, { transport });
    browser.channels.held = true; // the first tab does not hear of it
    await all[1].login({ username: "bob", password: PASSWORD });
    browser.channels.held = false;
    browser.server.killAccess();
    const posted = await all[0].fetch(POSTS, { method: "POST", body: "I am Alice" });
    assert.equal(posted.status, 401);
    assert.equal(browser.server.asked("/posts/").length, 1);
    assert.equal(all[0].user.username, "bob"); // whose cookies these are by now
  });

  test(`${transport}: nor sent, when the change is noticed before`, async () => {
    const { browser, all } = await tabs(2, { transport });
    browser.channels.held = true;
    await all[1].login({ username: "bob", password: PASSWORD });
    browser.channels.held = false;
    browser.pass(299);
    const posted = await all[0].fetch(POSTS, { method: "POST", body: "I am Alice" });
    assert.deepEqual([posted.status, (await posted.json()).code], [401, "not_authenticated"]);
    assert.equal(browser.server.asked("/posts/").length, 0);
  });

  test(`${transport}: another user's sign-in is told to all tabs`, async () => {
    const { all } = await tabs(2, { transport });
    const events = [];
    all[0].subscribe(({ type, user, elsewhere }) => events.push([type, user.username, elsewhere]));
    await all[1].login({ username: "bob", password: PASSWORD });
    await until(() => events.length > 0);
    assert.deepEqual(events, [["signed-in", "bob", true]]);
  });

  test(`${transport}: a tab takes over the key of a refresh that another tab got no answer to`, async () => {
    const { browser, all } = await tabs(2, { transport });
    browser.server.killAccess();
    browser.server.lost = [true, true, true];
    await assert.rejects(all[0].fetch(POSTS));
    browser.pass(3600); // with another key, this would now look like theft
    assert.equal((await all[1].fetch(POSTS)).status, 200);
    assert.equal(new Set(browser.server.keys).size, 1);
    assert.equal((await all[0].fetch(POSTS)).status, 200);
    assert.equal(browser.server.refreshes.length, 4);
  });

  test(`${transport}: a tab that was opened later does so, too`, async () => {
    const { browser, all } = await tabs(1, { transport });
    browser.server.killAccess();
    browser.server.lost = [true, true, true];
    await assert.rejects(all[0].fetch(POSTS));
    browser.pass(3600);
    assert.equal((await browser.tab({ transport }).restore()).user.username, "alice");
  });

  test(`${transport}: all tabs of a restarted browser make one refresh`, async () => {
    const { browser, all } = await tabs(1, { transport });
    all[0].close();
    browser.pass(3600);
    const again = Array.from({ length: 5 }, () => browser.tab({ transport }));
    const accounts = await Promise.all(again.map((tab) => tab.restore()));
    assert.ok(accounts.every(({ user }) => user.username === "alice"));
    assert.equal(browser.server.refreshes.length, 1);
  });

  test(`${transport}: a changed password leaves the other tabs signed in`, async () => {
    const { browser, all } = await tabs(3, { transport });
    await Promise.all([all[0].changePassword({ oldPassword: PASSWORD, newPassword: "new" }), ...all.map((tab) => tab.fetch(POSTS))]);
    const responses = await callsOf(all);
    assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
    browser.pass(60);
    browser.server.killAccess();
    await callsOf(all);
    assert.ok(all.every(({ signedIn }) => signedIn));
  });

  test(`${transport}: a refresh of another tab and a change of the password do not cross`, async () => {
    const { browser, all } = await tabs(2, { transport });
    let arrive;
    browser.delays.set("/auth/refresh/", new Promise((resolve) => (arrive = resolve)));
    browser.pass(299);
    const call = all[1].fetch(POSTS);
    await until(() => browser.sent.at(-1).url.endsWith("refresh/"));
    browser.server.now -= 200; // so that the change needs no refresh of its own
    browser.clock.now -= 200_000;
    const changed = all[0].changePassword({ oldPassword: PASSWORD, newPassword: "new" });
    for (let turns = 0; turns < 200; turns += 1) await turn();
    arrive(); // after the change, it would come with a cookie that is worth nothing any more
    await changed;
    assert.equal((await call).status, 200);
    assert.deepEqual(all.map(({ signedIn }) => signedIn), [true, true]);
  });

  test(`${transport}: a grant that arrives after its session has ended does not bring it back`, async () => {
    const { browser, all } = await tabs(2, { transport });
    browser.pass(60);
    browser.server.killAccess();
    browser.channels.held = true;
    await all[0].fetch(POSTS);
    await all[1].logout();
    browser.channels.held = false;
    browser.channels.deliver();
    await turn();
    await turn();
    assert.deepEqual(all.map(({ signedIn }) => signedIn), [false, false]);
  });
}

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

// Several tabs of one browser: one refreshes, all follow; signed out in one is signed out in all.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeBrowser, turn, until } from "./support/browser.js";
import { API, PASSWORD } from "./support/server.js";
import { callsOf, tabs } from "./support/tabs.js";

const POSTS = `${API}posts/`;
const JARS = ["hybrid", "cookie"];

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

test("cookie: me() finds out whose cookies these are", async () => {
  const { browser, all } = await tabs(2, { transport: "cookie" });
  browser.channels.held = true;
  await all[1].login({ username: "bob", password: PASSWORD });
  const events = [];
  all[0].subscribe(({ type, user }) => events.push([type, user.username]));
  await all[0].me();
  assert.deepEqual(events, [["signed-in", "bob"]]);
  assert.equal(all[0].session, all[1].session);
});

test("cookie: a sign-in that another tab tells of meanwhile is not undone by restore()", async () => {
  const { browser, all } = await tabs(1, { transport: "cookie" });
  let answer;
  const late = new Promise((resolve) => (answer = resolve));
  const fetch = async (input, init) => {
    const response = await browser.fetch(input, init);
    if (String(input).endsWith("me/")) await late;
    return response;
  };
  const tab = browser.tab({ transport: "cookie", fetch });
  const restored = tab.restore();
  await until(() => browser.server.asked("/auth/me/").length === 1);
  await all[0].login({ username: "bob", password: PASSWORD });
  await until(() => tab.signedIn);
  answer();
  assert.equal((await restored).user.username, "bob");
});

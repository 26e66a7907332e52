// After a reload: is there a session?

import assert from "node:assert/strict";
import { test } from "node:test";

import { memoryStorage } from "drf-lanyard-client";

import { FakeBrowser } from "./support/browser.js";
import { API, unreachable } from "./support/server.js";

const POSTS = `${API}posts/`;
const TRANSPORTS = ["bearer", "hybrid", "cookie"];

for (const transport of TRANSPORTS) {
  test(`${transport}: after a reload the session is found again`, async () => {
    const browser = new FakeBrowser();
    const storage = memoryStorage();
    const before = await browser.signedIn({ transport, storage });
    before.close();
    browser.pass(60);
    const client = browser.tab({ transport, storage });
    const events = [];
    client.subscribe(({ type }) => events.push(type));
    const account = await client.restore();
    assert.deepEqual([account.user.username, account.transport, account.session], ["alice", transport, before.session]);
    assert.deepEqual(events, ["signed-in"]);
    assert.equal((await client.fetch(POSTS)).status, 200);
    assert.deepEqual(await client.restore(), account); // known: nobody is asked
    assert.equal(browser.server.refreshes.length, transport === "cookie" ? 0 : 1);
    assert.equal(browser.server.asked("/auth/me/").length, transport === "cookie" ? 1 : 0);
  });

  test(`${transport}: a day later, too`, async () => {
    const browser = new FakeBrowser();
    const storage = memoryStorage();
    (await browser.signedIn({ transport, storage })).close();
    browser.pass(86_400);
    const client = browser.tab({ transport, storage });
    assert.equal((await client.restore()).user.username, "alice");
    assert.equal(browser.server.refreshes.length, 1);
  });

  test(`${transport}: nobody is signed in, and nothing is announced`, async () => {
    const browser = new FakeBrowser();
    const client = browser.tab({ transport });
    client.subscribe(() => assert.fail("nothing has happened"));
    assert.equal(await client.restore(), null);
  });

  test(`${transport}: a session that has ended meanwhile`, async () => {
    const browser = new FakeBrowser();
    const storage = memoryStorage();
    const before = await browser.signedIn({ transport, storage });
    before.close();
    browser.server.revoke(before.session);
    const client = browser.tab({ transport, storage });
    assert.equal(await client.restore(), null);
    assert.equal(await client.restore(), null);
    if (transport === "bearer") assert.equal(browser.server.refreshes.length, 1); // the token is gone
  });

  test(`${transport}: offline, it is not known; later it is`, async () => {
    const browser = new FakeBrowser();
    const storage = memoryStorage();
    (await browser.signedIn({ transport, storage })).close();
    browser.pass(600);
    browser.server.faults = Array(3).fill(unreachable);
    const client = browser.tab({ transport, storage });
    await assert.rejects(client.restore(), { code: "network_error", temporary: true });
    assert.equal((await client.restore()).user.username, "alice");
    assert.equal(new Set(browser.server.keys).size, 1);
  });

  test(`${transport}: calls made meanwhile wait for it`, async () => {
    const browser = new FakeBrowser();
    const storage = memoryStorage();
    (await browser.signedIn({ transport, storage })).close();
    const client = browser.tab({ transport, storage });
    const [, , response, devices] = await Promise.all([client.restore(), client.restore(), client.fetch(POSTS), client.sessions()]);
    assert.equal(response.status, 200);
    assert.equal(devices.length, 1);
    assert.ok(browser.server.refreshes.length <= 1);
  });
}

test("a client finds out how the session travels: the server knows", async () => {
  for (const [was, is] of [["cookie", "hybrid"], ["hybrid", "cookie"]]) {
    const browser = new FakeBrowser();
    (await browser.signedIn({ transport: was })).close();
    const client = browser.tab({ transport: is });
    await client.restore();
    assert.equal(client.transport, was);
    assert.equal((await client.fetch(POSTS)).status, 200);
  }
});

for (const me of [
  { user: { username: "admin" }, claims: {}, session: "7", method: "session" }, // of Django's admin
  { user: { username: "admin" }, claims: {}, session: null, method: "basic" },
  "<html>Welcome to the hotel</html>",
]) {
  test(`cookie: who is signed in by other means is not signed in here: ${JSON.stringify(me)}`, async () => {
    const browser = new FakeBrowser();
    const fetch = (input, init) => (String(input).endsWith("me/") ? Promise.resolve(Response.json(me)) : browser.fetch(input, init));
    assert.equal(await browser.tab({ transport: "cookie", fetch }).restore(), null);
    await browser.signedIn({ transport: "cookie" });
    assert.equal((await browser.tab({ transport: "cookie", fetch, BroadcastChannel: null }).restore()).user.username, "alice");
  });
}

test("cookie: a server that cannot tell is not a server that says no", async () => {
  const browser = new FakeBrowser();
  const fetch = async () => Response.json({ detail: "Later.", code: "store_unavailable" }, { status: 503, headers: { "Retry-After": "1" } });
  const client = browser.tab({ transport: "cookie", fetch });
  await assert.rejects(client.restore(), { code: "store_unavailable", status: 503, retryAfter: 1, temporary: true });
});

// client.fetch: what is repeated, and what is not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeBrowser, turn, until } from "./support/browser.js";
import { API, PASSWORD, refused } from "./support/server.js";

const POSTS = `${API}posts/`;
const TRANSPORTS = ["bearer", "hybrid", "cookie"];

for (const code of ["token_expired", "token_stale"]) {
  test(`${code}: refreshed once, repeated once`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn();
    browser.server.killAccess(code);
    const response = await client.fetch(POSTS, { method: "POST", body: "hello" });
    assert.deepEqual(await response.json(), { user: "alice", echo: "hello" });
    assert.equal(browser.server.asked("/posts/").length, 2);
  });

  test(`${code} again after a refresh is returned as it is`, async () => {
    const browser = new FakeBrowser();
    const fetch = async (input, init) => {
      if (String(input) === POSTS) browser.server.killAccess(code);
      return browser.fetch(input, init);
    };
    const client = await browser.signedIn({ fetch });
    const response = await client.fetch(POSTS);
    assert.deepEqual([response.status, (await response.json()).code], [401, code]);
    assert.equal(browser.server.refreshes.length, 1);
    assert.equal(browser.server.asked("/posts/").length, 2);
    assert.equal(client.signedIn, true);
  });
}

for (const transport of ["bearer", "hybrid"]) {
  for (const code of ["token_revoked", "token_invalid", "token_malformed", "user_inactive", "session_expired"]) {
    test(`${transport}: ${code} signs out without a refresh, and the answer stays readable`, async () => {
      const browser = new FakeBrowser();
      const client = await browser.signedIn({ transport });
      const events = [];
      client.subscribe(({ type, reason, user }) => events.push([type, reason, user]));
      browser.server.killAccess(code);
      const response = await client.fetch(POSTS);
      assert.deepEqual([response.status, (await response.json()).code], [401, code]);
      assert.deepEqual(events, [["signed-out", code, null]]);
      assert.equal(browser.server.refreshes.length, 0);
    });
  }

  for (const code of [null, "invalid_credentials"]) {
    test(`${transport}: a 401 that is not about the session (${code}) changes nothing`, async () => {
      const browser = new FakeBrowser();
      const client = await browser.signedIn({ transport });
      browser.server.killAccess(code ?? undefined);
      const fetch = async () => Response.json(refused(code).body, { status: 401 });
      const other = browser.tab({ transport, fetch: (input, init) => (String(input) === POSTS ? fetch() : browser.fetch(input, init)) });
      await other.login({ username: "bob", password: PASSWORD });
      assert.equal((await other.fetch(POSTS)).status, 401);
      assert.equal(other.signedIn, true);
      assert.equal(browser.server.refreshes.length, 0);
      client.close();
    });
  }
}

for (const code of [null, "not_authenticated"]) {
  test(`cookie: a dead access cookie counts as none (${code}), so a refresh finds out`, async () => {
    const browser = new FakeBrowser();
    browser.server.codeWithoutCredentials = code;
    const client = await browser.signedIn({ transport: "cookie" });
    browser.server.killAccess();
    assert.equal((await client.fetch(POSTS)).status, 200);
    browser.server.revoke(client.session);
    assert.equal((await client.fetch(POSTS)).status, 401);
    assert.equal(client.signedIn, false);
    assert.equal(browser.server.refreshes.length, 2);
    assert.equal((await client.fetch(POSTS)).status, 401); // signed out: nobody to refresh
    assert.equal(browser.server.refreshes.length, 2);
  });
}

for (const transport of TRANSPORTS) {
  for (const status of [403, 429, 500, 503]) {
    test(`${transport}: ${status} of a call is returned as it is`, async () => {
      const browser = new FakeBrowser();
      const fetch = (input, init) => (String(input) === POSTS ? Promise.resolve(new Response("", { status })) : browser.fetch(input, init));
      const client = await browser.signedIn({ transport, fetch });
      assert.equal((await client.fetch(POSTS)).status, status);
      assert.equal(client.signedIn, true);
      assert.equal(browser.server.refreshes.length, 0);
    });
  }

  test(`${transport}: a call without an answer rejects as fetch does, and changes nothing`, async () => {
    const browser = new FakeBrowser();
    const fetch = (input, init) => (String(input) === POSTS ? Promise.reject(new TypeError("offline")) : browser.fetch(input, init));
    const client = await browser.signedIn({ transport, fetch });
    await assert.rejects(client.fetch(POSTS), { name: "TypeError", message: "offline" });
    assert.equal(client.signedIn, true);
  });
}

test("a call that was refused while another one refreshed is repeated without a second refresh", async () => {
  const browser = new FakeBrowser();
  let release;
  const slow = new Promise((resolve) => (release = resolve));
  const fetch = async (input, init) => {
    const response = await browser.fetch(input, init);
    if (String(input).endsWith("slow/") && response.status === 401) await slow;
    return response;
  };
  const client = await browser.signedIn({ fetch });
  browser.server.killAccess();
  const late = client.fetch(`${API}slow/`);
  await until(() => browser.server.asked("/slow/").length === 1);
  assert.equal((await client.fetch(POSTS)).status, 200);
  release();
  assert.equal((await late).status, 200);
  assert.equal(browser.server.refreshes.length, 1);
});

test("a refusal of a token that has been replaced meanwhile signs nobody out", async () => {
  const browser = new FakeBrowser();
  let release;
  const slow = new Promise((resolve) => (release = resolve));
  const fetch = async (input, init) => {
    const response = await browser.fetch(input, init);
    if (String(input).endsWith("slow/") && response.status === 401) await slow;
    return response;
  };
  const client = await browser.signedIn({ fetch });
  browser.server.killAccess("token_invalid");
  const late = client.fetch(`${API}slow/`);
  await until(() => browser.server.asked("/slow/").length === 1);
  browser.pass(299);
  await client.fetch(POSTS);
  release();
  assert.equal((await late).status, 200);
  assert.equal(client.signedIn, true);
  assert.equal(browser.server.refreshes.length, 1);
});

test("a session that ends between a refresh and the repeated call signs out", async () => {
  const browser = new FakeBrowser();
  const fetch = async (input, init) => {
    const response = await browser.fetch(input, init);
    if (String(input).endsWith("refresh/")) browser.server.revoke("session-1");
    return response;
  };
  const client = await browser.signedIn({ fetch });
  browser.server.killAccess();
  assert.equal((await client.fetch(POSTS)).status, 401);
  assert.equal(client.signedIn, false);
});

test("whoever aborts waits no longer; the others get their refresh", async () => {
  const browser = new FakeBrowser();
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const fetch = async (input, init) => {
    const response = await browser.fetch(input, init);
    if (String(input).endsWith("refresh/")) await held;
    return response;
  };
  const client = await browser.signedIn({ fetch });
  browser.server.killAccess();
  const aborter = new AbortController();
  const aborted = client.fetch(POSTS, { signal: aborter.signal });
  const patient = client.fetch(POSTS);
  await until(() => browser.server.refreshes.length === 1);
  aborter.abort(new Error("navigated away"));
  await assert.rejects(aborted, { message: "navigated away" });
  release();
  assert.equal((await patient).status, 200);
  await turn();
  assert.equal(browser.server.asked("/posts/").length, 3); // the aborted one was not repeated
  await assert.rejects(client.fetch(POSTS, { signal: AbortSignal.abort(new Error("too late")) }), { message: "too late" });
});

test("signed out, calls go without credentials", async () => {
  const browser = new FakeBrowser();
  const client = browser.tab();
  assert.equal((await client.fetch(POSTS)).status, 401);
  assert.equal(browser.sent[0].headers.get("Authorization"), null);
  assert.equal(browser.server.refreshes.length, 0);
});

test("fetch can be handed on without its client", async () => {
  const client = await new FakeBrowser().signedIn();
  const { fetch } = client;
  assert.equal((await fetch(POSTS)).status, 200);
});

// The refresh itself: one at a time, safe to repeat, given up only when the server says so.

import assert from "node:assert/strict";
import { test } from "node:test";

import { memoryStorage } from "drf-lanyard-client";

import { FakeBrowser } from "./support/browser.js";
import { API, answers, refused, unreachable } from "./support/server.js";

const POSTS = `${API}posts/`;
const JARS = ["hybrid", "cookie"];
const TRANSPORTS = ["bearer", ...JARS];

for (const transport of TRANSPORTS) {
  test(`${transport}: a hundred calls that come too late share one refresh`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    browser.server.killAccess();
    const responses = await Promise.all(Array.from({ length: 100 }, () => client.fetch(POSTS)));
    assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
    assert.equal(browser.server.refreshes.length, 1);
    assert.equal(browser.server.asked("/posts/").length, 200);
  });

  test(`${transport}: a hundred calls share one failure, and nobody is signed out`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    browser.server.killAccess();
    browser.server.faults = Array(3).fill(unreachable);
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => client.fetch(POSTS)));
    assert.deepEqual(new Set(outcomes.map(({ reason }) => reason.code)), new Set(["network_error"]));
    assert.equal(browser.server.refreshes.length, 3);
    assert.equal(client.user.username, "alice");
    assert.equal((await client.fetch(POSTS)).status, 200);
  });

  for (const [name, fault] of Object.entries({
    "no answer": unreachable,
    429: answers(429),
    500: answers(500),
    502: answers(502, {}, "<html>"),
    503: answers(503),
  })) {
    test(`${transport}: ${name} is tried again with the same Idempotency-Key`, async () => {
      const browser = new FakeBrowser();
      const client = await browser.signedIn({ transport });
      browser.server.killAccess();
      browser.server.faults = [fault, fault];
      assert.equal((await client.fetch(POSTS)).status, 200);
      assert.equal(browser.server.keys.length, 3);
      assert.equal(new Set(browser.server.keys).size, 1);
      assert.deepEqual(browser.clock.slept, [500, 1000]);
    });

    test(`${transport}: ${name} that lasts is surfaced, everything is kept, the key too`, async () => {
      const browser = new FakeBrowser();
      const client = await browser.signedIn({ transport });
      const events = [];
      client.subscribe(({ type }) => events.push(type));
      browser.server.killAccess();
      browser.server.faults = Array(3).fill(fault);
      await assert.rejects(client.fetch(POSTS), { name: "LanyardError", temporary: true, status: Number(name) || 0 });
      assert.deepEqual(events, []);
      browser.pass(3600);
      assert.equal((await client.fetch(POSTS)).status, 200);
      assert.equal(new Set(browser.server.keys).size, 1);
      assert.deepEqual(events, ["refreshed"]);
    });
  }

  test(`${transport}: an answer that got lost is asked for again, an hour later too`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    browser.server.killAccess();
    browser.server.lost = [true, true, true];
    await assert.rejects(client.fetch(POSTS), { code: "network_error" });
    browser.pass(3600); // far beyond the grace
    assert.equal((await client.fetch(POSTS)).status, 200);
    assert.equal(new Set(browser.server.keys).size, 1);
  });

  test(`${transport}: each refresh has a key of its own`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    for (let round = 0; round < 3; round += 1) {
      browser.server.killAccess();
      browser.pass(60);
      await client.fetch(POSTS);
    }
    assert.equal(new Set(browser.server.keys).size, 3);
    assert.ok(browser.server.keys.every((key) => /^[\x20-\x7e]{1,255}$/.test(key)));
  });

  for (const code of ["token_revoked", "refresh_reused", "session_expired", "user_inactive", "token_invalid"]) {
    test(`${transport}: a refresh refused with ${code} signs out`, async () => {
      const browser = new FakeBrowser();
      const client = await browser.signedIn({ transport });
      const events = [];
      client.subscribe(({ type, reason }) => events.push([type, reason]));
      browser.server.killAccess();
      browser.server.faults = [() => refused(code)];
      assert.equal((await client.fetch(POSTS)).status, 401);
      assert.deepEqual(events, [["signed-out", code]]);
      assert.equal(client.signedIn, false);
      assert.equal((await client.fetch(POSTS)).status, 401); // without credentials, without another refresh
      assert.equal(browser.server.refreshes.length, 1);
    });
  }

  test(`${transport}: a stolen token that was used first ends the session`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn({ transport });
    const session = browser.server.session(client.session);
    Object.assign(session, { counter: session.counter + 2, rotatedAt: browser.server.now });
    browser.server.killAccess();
    assert.equal((await client.fetch(POSTS)).status, 401);
    assert.equal(client.signedIn, false);
  });

  for (const [name, fault] of Object.entries({
    "a page that says 200": answers(200, {}, "<html>Welcome to the hotel</html>"),
    "half an answer": answers(200, {}, { access: "a" }),
    "a gateway's 401": answers(401, {}, "gateway"),
    "a 401 without a code": () => refused(null),
    400: answers(400),
    404: answers(404),
  })) {
    test(`${transport}: ${name} comes from something else, and keeps everything`, async () => {
      const browser = new FakeBrowser();
      const client = await browser.signedIn({ transport });
      browser.server.killAccess();
      browser.server.faults = [fault];
      await assert.rejects(client.fetch(POSTS), { code: "unexpected_answer", temporary: false });
      assert.equal(client.signedIn, true);
      assert.equal((await client.fetch(POSTS)).status, 200);
    });
  }
}

test("csrf_failed is an error of the configuration: surfaced by its name", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  browser.server.killAccess();
  browser.server.faults = [answers(403, {}, { detail: "Not from there.", code: "csrf_failed" })];
  await assert.rejects(client.fetch(POSTS), { code: "csrf_failed", status: 403, message: "Not from there." });
  assert.equal(client.signedIn, true);
});

test("a short Retry-After is waited for", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  browser.server.killAccess();
  browser.server.faults = [answers(429, { "Retry-After": "3" })];
  assert.equal((await client.fetch(POSTS)).status, 200);
  assert.deepEqual(browser.clock.slept, [3000]);
});

test("a long Retry-After is surfaced, and respected by later calls", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  browser.server.killAccess();
  browser.server.faults = [answers(503, { "Retry-After": "60" }, { detail: "Later.", code: "store_unavailable" })];
  await assert.rejects(client.fetch(POSTS), { code: "store_unavailable", status: 503, retryAfter: 60 });
  browser.pass(50);
  await assert.rejects(client.fetch(POSTS), { code: "unavailable", retryAfter: 10, temporary: true });
  assert.equal(browser.server.refreshes.length, 1);
  browser.pass(10);
  assert.equal((await client.fetch(POSTS)).status, 200);
  assert.equal(new Set(browser.server.keys).size, 1);
});

for (const value of ["Fri, 31 Dec 2027 23:59:59 GMT", "-1", "soon", "1e3", "0x10"]) {
  test(`a Retry-After that is not seconds is ignored: ${value}`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn();
    browser.server.killAccess();
    browser.server.faults = [answers(503, { "Retry-After": value })];
    await client.fetch(POSTS);
    assert.deepEqual(browser.clock.slept, [500]);
  });
}

test("an absurd Retry-After is bounded", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  browser.server.killAccess();
  browser.server.faults = [answers(503, { "Retry-After": "9".repeat(40) })];
  await assert.rejects(client.fetch(POSTS), { retryAfter: 300 });
});

test("a token that is good for a moment yet is used when no refresh is possible", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  browser.pass(295);
  browser.server.faults = Array(6).fill(unreachable);
  assert.equal((await client.fetch(POSTS)).status, 200);
  browser.pass(10);
  await assert.rejects(client.fetch(POSTS), { code: "network_error" });
  assert.equal(client.signedIn, true);
});

test("a refresh before the call that is refused answers 401, and the call is not sent", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  browser.server.revoke(client.session, "session_expired");
  browser.pass(299);
  const response = await client.fetch(POSTS, { method: "POST", body: "x" });
  assert.deepEqual([response.status, (await response.json()).code], [401, "session_expired"]);
  assert.equal(browser.server.asked("/posts/").length, 0);
});

test("a server that never answers is given up", async () => {
  const browser = new FakeBrowser();
  const storage = memoryStorage();
  await browser.signedIn({ transport: "bearer", storage });
  const never = (_, init) => new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)));
  const client = browser.tab({ transport: "bearer", storage, fetch: never, timeout: 1 });
  await assert.rejects(client.restore(), { code: "network_error", temporary: true });
  assert.equal((await browser.tab({ transport: "bearer", storage }).restore()).user.username, "alice");
});

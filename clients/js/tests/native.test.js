// The entry for React Native: no cookies, no tabs, the application's own secure storage.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as native from "drf-lanyard-client/native";
import * as browserEntry from "drf-lanyard-client";

import { FakeBrowser } from "./support/browser.js";
import { API, PASSWORD, unreachable } from "./support/server.js";

const POSTS = `${API}posts/`;
const ALICE = { username: "alice", password: PASSWORD };

/** A Keychain that takes its time, knows few characters for names, and holds little. */
function keychain() {
  const kept = new Map();
  const checked = async (name) => {
    assert.match(name, /^[A-Za-z0-9._-]+$/);
    await new Promise((resolve) => setImmediate(resolve));
    return name;
  };
  return {
    kept,
    get: async (name) => kept.get(await checked(name)) ?? null,
    set: async (name, value) => {
      assert.ok(value.length < 2048);
      kept.set(await checked(name), value);
    },
    delete: async (name) => void kept.delete(await checked(name)),
  };
}

test("signs in as a bearer, and is still signed in after a restart", async () => {
  const browser = new FakeBrowser();
  const storage = keychain();
  const client = browser.native({ storage });
  await client.login({ ...ALICE, device: "Alice's phone" });
  assert.equal(client.transport, "bearer");
  assert.equal(JSON.parse(browser.server.log[0].body).transport, "bearer");
  assert.equal(storage.kept.size, 1); // refresh token and key in one value: they cannot be torn apart
  browser.pass(86_400);
  const again = browser.native({ storage });
  assert.deepEqual((await again.restore()).user, { username: "alice" });
  assert.equal((await again.fetch(POSTS)).status, 200);
  assert.ok(browser.sent.every(({ credentials }) => credentials === "omit"));
  await again.logout();
  assert.equal(storage.kept.size, 0);
});

test("a hundred calls share one refresh; a lost answer and a restart sign nobody out", async () => {
  const browser = new FakeBrowser();
  const storage = keychain();
  const client = browser.native({ storage });
  await client.login(ALICE);
  browser.server.killAccess();
  await Promise.all(Array.from({ length: 100 }, () => client.fetch(POSTS)));
  assert.equal(browser.server.refreshes.length, 1);
  browser.pass(400);
  browser.server.lost = [true];
  browser.server.faults = [undefined, unreachable, unreachable];
  await assert.rejects(client.fetch(POSTS), { code: "network_error" });
  browser.pass(86_400);
  const again = browser.native({ storage });
  assert.equal((await again.restore()).session, "session-1");
  assert.equal(new Set(browser.server.keys.slice(1)).size, 1);
});

test("one call to restore, twenty to fetch, at once", async () => {
  const browser = new FakeBrowser();
  const storage = keychain();
  await browser.native({ storage }).login(ALICE);
  browser.pass(400);
  const client = browser.native({ storage });
  const [account, ...responses] = await Promise.all([client.restore(), ...Array.from({ length: 20 }, () => client.fetch(POSTS))]);
  assert.equal(account.user.username, "alice");
  assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
  assert.equal(browser.server.refreshes.length, 1);
});

test("works where there is no document, no tabs, no randomUUID and no origin of a URL", async (t) => {
  const browser = new FakeBrowser();
  const { URL: Real } = globalThis;
  t.after(() => Object.assign(globalThis, { URL: Real }));
  globalThis.URL = class {
    constructor(url) {
      this.href = url; // as in React Native: neither parsed nor normalised
    }
    get origin() {
      throw new Error("not implemented");
    }
  };
  const asked = [];
  const fetch = async (url, init) => {
    asked.push(url);
    if (url.startsWith("https://API")) return new Response(JSON.stringify([...(init.headers ?? [])]));
    globalThis.URL = Real;
    const response = await browser.fetch(url, init);
    globalThis.URL = class {
      constructor(href) {
        this.href = href;
      }
    };
    return response;
  };
  let made = 0;
  const client = native.createClient({ baseUrl: "https://api.test/auth/", storage: keychain(), fetch, randomUUID: () => `uuid-${++made}` });
  await client.login(ALICE);
  browser.server.killAccess();
  assert.equal((await client.fetch(POSTS)).status, 200);
  assert.deepEqual(browser.server.keys, ["uuid-1"]);
  // What is not written exactly like a known origin gets nothing, whatever a parser would make of it.
  assert.equal(await (await client.fetch("https://API.test/")).text(), "[]");
});

test("a storage is required, and a source of randomness", async (t) => {
  assert.throws(() => native.createClient({ baseUrl: "https://api.test/auth/" }), /storage/);
  const { crypto } = globalThis;
  t.after(() => Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true }));
  Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
  assert.throws(() => native.createClient({ baseUrl: "https://api.test/auth/", storage: keychain() }), /expo-crypto/);
});

test("keys are made where crypto has no randomUUID, as on pages over plain http", async (t) => {
  const { crypto } = globalThis;
  t.after(() => Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true }));
  const getRandomValues = (bytes) => crypto.getRandomValues(bytes);
  Object.defineProperty(globalThis, "crypto", { value: { getRandomValues }, configurable: true });
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  for (let round = 0; round < 2; round += 1) {
    browser.pass(60);
    browser.server.killAccess();
    await client.fetch(POSTS);
  }
  assert.equal(new Set(browser.server.keys).size, 2);
  for (const key of browser.server.keys) assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("both entries have the same names", () => {
  assert.deepEqual(Object.keys(native).sort(), ["LanyardError", "createClient", "memoryStorage"]);
  assert.deepEqual(Object.keys(browserEntry).sort(), Object.keys(native).sort());
  assert.equal(native.LanyardError, browserEntry.LanyardError);
});

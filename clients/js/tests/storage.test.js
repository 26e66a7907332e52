// What a bearer client keeps, when, and what becomes of it when something dies half-way.

import assert from "node:assert/strict";
import { test } from "node:test";

import { memoryStorage } from "drf-lanyard-client";

import { FakeBrowser } from "./support/browser.js";
import { API } from "./support/server.js";

const POSTS = `${API}posts/`;

test("bearer: the key is stored before it is sent, and goes in the very write that stores the new token", async () => {
  const browser = new FakeBrowser();
  const writes = [];
  const memory = memoryStorage();
  const storage = { ...memory, set: (name, value) => (writes.push(JSON.parse(value)), memory.set(name, value)) };
  const client = await browser.signedIn({ transport: "bearer", storage });
  let atRequest;
  browser.server.faults = [() => void (atRequest = writes.at(-1))];
  browser.server.killAccess();
  await client.fetch(POSTS);
  assert.equal(atRequest.key, browser.server.keys[0]);
  assert.deepEqual(
    writes.map(({ refresh, key }) => [refresh.slice(-1), key !== null]),
    [["0", false], ["0", true], ["1", false]],
  );
});

test("bearer: an application that was killed half-way refreshes with the stored key, a day later", async () => {
  const browser = new FakeBrowser();
  const storage = memoryStorage();
  const killed = await browser.signedIn({ transport: "bearer", storage });
  browser.server.killAccess();
  browser.server.lost = [true, true, true];
  await assert.rejects(killed.fetch(POSTS));
  browser.pass(86_400);
  const again = browser.tab({ transport: "bearer", storage });
  assert.equal((await again.restore()).user.username, "alice");
  assert.equal(new Set(browser.server.keys).size, 1);
});

test("bearer: a storage that fails is surfaced, and the next refresh repeats the same one", async () => {
  const browser = new FakeBrowser();
  const memory = memoryStorage();
  let full = false;
  const set = (name, value) => {
    if (full && JSON.parse(value).key === null) throw new Error("disk full");
    return memory.set(name, value);
  };
  const client = await browser.signedIn({ transport: "bearer", storage: { ...memory, set } });
  browser.server.killAccess();
  full = true;
  await assert.rejects(client.fetch(POSTS), { code: "storage_failed" });
  full = false;
  browser.pass(3600);
  assert.equal((await client.fetch(POSTS)).status, 200);
  assert.equal(new Set(browser.server.keys).size, 1);
});

for (const kept of ["garbage", "{}", '{"server": "https://evil.test/auth/", "refresh": "r"}', "null", '"text"']) {
  test(`bearer: what is stored and not ours is nobody: ${kept}`, async () => {
    const browser = new FakeBrowser();
    const storage = { ...memoryStorage(), get: () => kept };
    assert.equal(await browser.tab({ transport: "bearer", storage }).restore(), null);
    assert.deepEqual(browser.sent, []);
  });
}

// With nothing replaced but the network: this platform's own BroadcastChannel, clock, crypto, and Web Locks if it has them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { createClient } from "drf-lanyard-client";

import { FakeBrowser, until } from "./support/browser.js";
import { API, AUTH, PASSWORD } from "./support/server.js";

test("five tabs sign in, refresh and sign out together", async (t) => {
  const browser = new FakeBrowser();
  t.mock.method(globalThis, "fetch", browser.fetch);
  const all = Array.from({ length: 5 }, () => createClient({ baseUrl: AUTH }));
  t.after(() => all.forEach((tab) => tab.close()));
  await all[0].login({ username: "alice", password: PASSWORD });
  await until(() => all.every(({ signedIn }) => signedIn));
  assert.ok(all.every(({ expiresIn }) => expiresIn > 290 && expiresIn <= 300));
  t.mock.method(Date, "now", () => 4e12); // somebody sets the wall clock
  assert.ok(all.every(({ expiresIn }) => expiresIn > 290 && expiresIn <= 300));
  browser.server.killAccess();
  const responses = await Promise.all(all.map((tab) => tab.fetch(`${API}posts/`)));
  assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
  assert.equal(browser.server.session(all[0].session).counter, 1);
  if (globalThis.navigator?.locks) assert.equal(browser.server.refreshes.length, 1);
  await all[3].logout();
  await until(() => all.every(({ signedIn }) => !signedIn));
});

test("an open client keeps no process alive", () => {
  const script = `
    import { createClient } from "drf-lanyard-client";
    globalThis.fetch = async () => Response.json({ access: "a", expires_in: 300, session: "s", user: {}, claims: {} });
    const client = createClient({ baseUrl: "https://api.test/auth/" });
    await client.login({ username: "alice", password: "x" });
    console.log(client.transport);
  `;
  const command = ["--input-type=module", "--eval", script];
  const done = spawnSync(process.execPath, command, { cwd: import.meta.dirname, timeout: 60_000, encoding: "utf8" });
  assert.equal(done.stderr, "");
  assert.deepEqual([done.status, done.stdout], [0, "hybrid\n"]);
});

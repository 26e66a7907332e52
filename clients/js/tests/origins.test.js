// Where credentials go, and where they do not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeBrowser } from "./support/browser.js";
import { API } from "./support/server.js";

const POSTS = `${API}posts/`;
const TRANSPORTS = ["bearer", "hybrid", "cookie"];

test("headers, URL objects and credentials of the caller are respected", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  const init = { headers: { Accept: "text/plain" }, credentials: "same-origin" };
  await client.fetch(new URL(POSTS), init);
  assert.deepEqual(init, { headers: { Accept: "text/plain" }, credentials: "same-origin" });
  const sent = browser.sent.at(-1);
  assert.deepEqual([sent.headers.get("Accept"), sent.credentials], ["text/plain", "same-origin"]);
  await client.fetch(new Request(POSTS, { credentials: "include" }));
  assert.equal(browser.sent.at(-1).credentials, "include");
  await client.fetch(new Request(POSTS));
  assert.equal(browser.sent.at(-1).credentials, "omit");
});

test("an Authorization header of the caller's own is left alone", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  assert.equal((await client.fetch(POSTS, { headers: { Authorization: "Token lan_x" } })).status, 401);
  assert.equal(browser.sent.at(-1).headers.get("Authorization"), "Token lan_x");
  assert.equal(client.signedIn, true);
});

for (const url of [
  "https://evil.test/",
  "https://api.test.evil.test/",
  "https://api.test@evil.test/",
  "https://evil.test/https://api.test/",
  "https://api.test:444/",
  "http://api.test/",
  "https:\\\\evil.test\\https://api.test/",
  "//evil.test/",
  "data:text/plain,https://api.test/",
]) {
  for (const transport of TRANSPORTS) {
    test(`${transport}: no credentials for ${url}`, async () => {
      const browser = new FakeBrowser();
      const seen = [];
      const base = { href: "https://app.test/page" };
      const client = await browser.signedIn({
        transport,
        fetch: (input, init) => (String(input).startsWith(API) ? browser.fetch(input, init) : (seen.push([String(input), init]), Promise.resolve(Response.json({}, { status: 401 })))),
      });
      globalThis.location = base;
      try {
        assert.equal((await client.fetch(url, { method: "POST" })).status, 401);
      } finally {
        delete globalThis.location;
      }
      assert.equal(seen.length, 1);
      assert.deepEqual(seen[0][1], { method: "POST" }); // as it came: no header, no cookies
      assert.equal(browser.server.refreshes.length, 0);
      assert.equal(client.signedIn, true);
    });
  }
}

test("further origins are named; nothing else is one", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn({ origins: ["https://files.test", "https://media.test:8443/ignored/path"] });
  await client.fetch("https://files.test/a");
  assert.match(browser.sent.at(-1).headers.get("Authorization"), /^Bearer access-secret/);
  await client.fetch("https://MEDIA.test:8443/b");
  assert.match(browser.sent.at(-1).headers.get("Authorization"), /^Bearer access-secret/);
  await client.fetch("https://media.test/c");
  assert.equal(browser.sent.at(-1).headers.get("Authorization"), null);
  for (const wrong of ["files.test", "", "about:blank", "data:,x"]) {
    assert.throws(() => browser.tab({ origins: [wrong] }), TypeError, wrong);
  }
});

test("a relative URL is resolved as the page would, <base> included", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  try {
    globalThis.document = { baseURI: POSTS };
    await client.fetch("7/");
    assert.equal(browser.sent.at(-1).url, `${POSTS}7/`);
    globalThis.document = { baseURI: "https://evil.test/" };
    await client.fetch("/posts/");
    assert.deepEqual([browser.sent.at(-1).url, browser.sent.at(-1).headers.get("Authorization")], ["https://evil.test/posts/", null]);
  } finally {
    delete globalThis.document;
  }
});

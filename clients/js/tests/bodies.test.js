// A call may be sent twice: with which bodies that works.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeBrowser } from "./support/browser.js";
import { API } from "./support/server.js";

const POSTS = `${API}posts/`;

const FORM = new FormData();
FORM.set("text", "hello");
for (const [name, body, echo] of [
  ["a string", "hello", /^hello$/],
  ["URLSearchParams", new URLSearchParams({ text: "hello" }), /^text=hello$/],
  ["FormData", FORM, /name="text"\r\n\r\nhello/],
  ["a Blob", new Blob(["hello"]), /^hello$/],
  ["bytes", new TextEncoder().encode("hello"), /^hello$/],
]) {
  test(`a body that can be sent twice: ${name}`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn();
    browser.server.killAccess();
    const response = await client.fetch(POSTS, { method: "POST", body });
    assert.match((await response.json()).echo, echo);
    assert.equal(browser.server.asked("/posts/").length, 2);
  });
}

for (const [name, body] of [
  ["a ReadableStream", new Blob(["x"]).stream()],
  ["an async iterable", (async function* () {})()],
]) {
  test(`a body that can be sent only once is refused: ${name}`, async () => {
    const browser = new FakeBrowser();
    const client = await browser.signedIn();
    const init = { method: "POST", body, duplex: "half" };
    await assert.rejects(client.fetch(POSTS, init), { name: "LanyardError", code: "body_not_replayable" });
    assert.equal(browser.server.asked("/posts/").length, 0);
  });
}

test("a Request is repeated with its method, headers and body", async () => {
  const browser = new FakeBrowser();
  const client = await browser.signedIn();
  browser.server.killAccess();
  const request = new Request(POSTS, { method: "PUT", body: "hello", headers: { "X-One": "1" } });
  assert.equal((await (await client.fetch(request)).json()).echo, "hello");
  const [first, second] = browser.server.asked("/posts/");
  assert.deepEqual([first.method, first.headers.get("X-One"), first.body], [second.method, second.headers.get("X-One"), second.body]);
  assert.deepEqual([second.method, second.headers.get("X-One")], ["PUT", "1"]);
});

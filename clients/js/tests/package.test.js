// What is published, and that its README is true.

import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { createClient } from "drf-lanyard-client";

import { FakeBrowser } from "./support/browser.js";

const ROOT = new URL("../", import.meta.url);
const read = (path) => readFile(new URL(path, ROOT), "utf8");
const manifest = JSON.parse(await read("package.json"));
const readme = await read("README.md");
const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }));

/** Everything that the manifest publishes. */
async function published() {
  const files = await Promise.all(manifest.files.map(async (folder) => (await readdir(new URL(folder, ROOT))).map((name) => `${folder}/${name}`)));
  return files.flat();
}

test("every entry exists, with its types; nothing is needed at run time", async () => {
  for (const entry of [manifest.exports["."], manifest.exports["./native"]]) {
    assert.match(await read(entry.types), /export function createClient/);
    assert.match(await read(entry.default), /export function createClient/);
  }
  assert.equal(manifest.types, manifest.exports["."].types);
  assert.deepEqual([manifest.name, manifest.type, manifest.license, manifest.dependencies], ["drf-lanyard-client", "module", "MIT", undefined]);
  assert.match(await read("LICENSE"), /^MIT License/);
});

test("modules import each other only, by relative names with an extension: browsers load them as they are", async () => {
  const names = (await published()).filter((name) => name.endsWith(".js"));
  assert.ok(names.length > 10);
  for (const name of names) {
    for (const [, target] of (await read(name)).matchAll(/^(?:import|export) [^;]*? from "(.*)";$/gm)) {
      assert.match(target, /^\.\/[a-z]+\.js$/, name);
    }
  }
});

test("nothing that keeps data in a browser is even mentioned by the code", async () => {
  const code = (await Promise.all((await published()).filter((name) => name.startsWith("src/")).map(read))).join("\n");
  assert.doesNotMatch(code, /localStorage|sessionStorage|indexedDB|document\.cookie|cookieStore|caches\./);
});

test("every option and every property is documented", async () => {
  const types = await read("types/index.d.ts");
  const members = (name) => [...types.match(new RegExp(`interface ${name}\\b.*?\\n}`, "s"))[0].matchAll(/^  (?:readonly )?(\w+)[?:(]/gm)].map(([, member]) => member);
  const missing = [...members("Options"), ...members("LanyardClient")].filter((member) => !readme.includes(member));
  assert.deepEqual(missing, []);
  const client = createClient({ baseUrl: "https://api.test/auth/", BroadcastChannel: null });
  for (const member of members("LanyardClient")) assert.ok(member in client, member);
});

test("the examples for browsers run, one after the other", async (t) => {
  const [sign, account] = blocks.filter(({ language }) => language === "js").slice(0, 2);
  const { printed, browser } = await run(t, sign.code + account.code, { password: "through-the-looking-glass", roles: ["moderator"] });
  assert.deepEqual(printed, [
    "signed-in alice ",
    "show the moderation menu",
    "refreshed alice ",
    "session-1 hybrid 300",
    "signed-out  logout",
  ]);
  assert.ok(browser.server.session("session-1").dead);
});

test("the example for React Native runs", async (t) => {
  const native = blocks.filter(({ language }) => language === "js")[2];
  const code = native.code
    .replace(`import * as Crypto from "expo-crypto";`, `const Crypto = globalThis.crypto;`)
    .replace(`Crypto.randomUUID,`, `() => Crypto.randomUUID(),`)
    .replace(
      `import * as SecureStore from "expo-secure-store";`,
      `const kept = new Map(); const SecureStore = {
         getItemAsync: async (name) => kept.get(name) ?? null,
         setItemAsync: async (name, value) => void kept.set(name, value),
         deleteItemAsync: async (name) => void kept.delete(name) };`,
    );
  const { browser, module } = await run(t, code, { password: "through-the-looking-glass" });
  assert.equal(module.client.transport, "bearer");
  assert.deepEqual(browser.server.log.map(({ path }) => path), ["/auth/login/"]);
});

/** Run an example as a module of its own, against a server at the address that the README uses. */
async function run(t, code, { password, roles = [] }) {
  const browser = new FakeBrowser();
  Object.assign(browser.server, { roles, password });
  const fetch = (input, init) => browser.fetch(String(input).replace("https://api.example.com", "https://api.test"), init);
  t.mock.method(globalThis, "fetch", fetch);
  const printed = [];
  t.mock.method(console, "log", (...words) => printed.push(words.map((word) => (typeof word === "number" ? Math.round(word) : (word ?? ""))).join(" ")));
  const folder = await mkdtemp(join(tmpdir(), "lanyard-readme-"));
  t.after(() => rm(folder, { recursive: true }));
  const resolved = code.replace(/from "(drf-lanyard-client.*?)"/g, (_, name) => `from "${import.meta.resolve(name)}"`);
  await writeFile(join(folder, "example.mjs"), resolved);
  const module = await import(pathToFileURL(join(folder, "example.mjs")).href);
  return { printed, browser, module };
}

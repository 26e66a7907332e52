import { FakeBrowser, until } from "./browser.js";
import { API, PASSWORD } from "./server.js";

/** A browser with tabs of which the first has signed in. */
export async function tabs(count, options = {}) {
  const browser = new FakeBrowser();
  const all = Array.from({ length: count }, () => browser.tab(options));
  await all[0].login({ username: "alice", password: PASSWORD });
  await until(() => all.every(({ signedIn }) => signedIn));
  return { browser, all };
}

/** Twenty calls in every tab, at once. */
export function callsOf(all) {
  return Promise.all(all.flatMap((tab) => Array.from({ length: 20 }, () => tab.fetch(`${API}posts/`))));
}

// The user's devices, kept up to date while somebody looks. A device that is signed out stays in the list, struck out.

import { account } from "./account.js";
import { fill, h } from "./dom.js";
import { say } from "./messages.js";
import { findPhone } from "./phones.js";
import { ago, browserOf, complaintOf, plural, when } from "./words.js";
import { told } from "./witness.js";

/** Milliseconds between two looks, and between two when our own session is gone but its token is not refused yet. */
const EVERY = 800;
const SOON = 150;

/**
 * @typedef {{id: string, current: boolean, device: string, user_agent: string, ip: string, transport: string,
 *   created_at: string, last_seen_at: string, expires_at: string}} Device
 */

/**
 * `mayEnd`: whether there is a button to sign a device out. `below`: what comes after the list, once it is there, so that
 * nothing is pushed down.
 * @param {{mayEnd: boolean, below: (look: () => Promise<void>) => Node[]}} options
 */
export function deviceList({ mayEnd, below }) {
  const list = h("ul", { class: "devices", "aria-label": "Devices" });
  const all = h("div", { class: "stack" }, list);
  /** @type {Map<string, {device: Device, gone: boolean}>} */
  const known = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let shown = "";
  let left = false;

  async function look() {
    clearTimeout(timer);
    let delay = EVERY;
    try {
      if (!document.hidden && account.signedIn) {
        const devices = /** @type {Device[]} */ (/** @type {unknown} */ (await account.sessions()));
        if (left) return;
        update(devices);
        if (!devices.some((device) => device.current)) delay = SOON;
      }
    } catch (error) {
      if (!left && account.signedIn) say(complaintOf(error), "no");
    }
    clearTimeout(timer);
    if (!left && account.signedIn) timer = setTimeout(() => void look(), delay);
  }

  /** @param {Device[]} devices */
  function update(devices) {
    const ids = new Set(devices.map((device) => device.id));
    const lost = [...known.values()].filter(({ device, gone }) => !gone && !ids.has(device.id));
    for (const entry of lost) {
      entry.gone = true;
      findPhone(entry.device.id)?.witness.cut();
    }
    if (lost.length) say(`Signed out: ${lost.map(({ device }) => nameOf(device)).join(", ")}.`);
    for (const device of [...devices].reverse()) known.set(device.id, { device, gone: false });
    render();
  }

  /** Only when something is different, so that neither the focus nor a screen reader's place is lost. */
  function render() {
    const entries = [...known.values()].reverse();
    const now = JSON.stringify(entries.map(({ device, gone }) => [device, gone, ago(device.last_seen_at)]));
    if (now === shown) return;
    shown = now;
    const focused = document.activeElement?.getAttribute("data-device");
    const hadFocus = list.contains(document.activeElement);
    fill(
      list,
      entries.map((entry) => row(entry)),
    );
    if (!list.nextSibling) all.append(...below(look));
    if (!hadFocus) return;
    const again = /** @type {HTMLElement | null} */ (list.querySelector(`[data-device="${focused}"]`));
    (again ?? document.querySelector("h1"))?.focus();
  }

  /** @param {{device: Device, gone: boolean}} entry */
  function row({ device, gone }) {
    const phone = findPhone(device.id);
    const live = phone ? h("div", { class: "small live" }) : null;
    if (phone && live) phone.show(() => fill(live, liveText(phone.witness)));
    return h(
      "li",
      { class: gone ? "device gone" : "device" },
      h("div", { class: "device-head" }, h("b", {}, nameOf(device)), chips(device, gone)),
      facts(device),
      live,
      mayEnd && !gone ? endButton(device) : null,
    );
  }

  /** @param {Device} device */
  function endButton(device) {
    const label = `Sign out ${nameOf(device)}${device.current ? " (this device)" : ""}`;
    const end = async () => {
      try {
        await account.revokeSession(device.id);
        findPhone(device.id)?.witness.cut();
        await look();
      } catch (error) {
        say(complaintOf(error), "no");
      }
    };
    const attributes = { type: "button", class: "cut slim", "aria-label": label, "data-device": device.id };
    return h("button", { ...attributes, onclick: () => void end() }, "Sign out");
  }

  void look();
  return {
    content: all,
    look,
    leave() {
      left = true;
      clearTimeout(timer);
    },
  };
}

/** @param {Device} device @param {boolean} gone */
function chips(device, gone) {
  return [
    device.current ? h("span", { class: "chip alive" }, "this device") : null,
    h("span", { class: "chip" }, device.transport),
    gone ? h("span", { class: "chip dead" }, "signed out") : null,
  ];
}

/** @param {Device} device */
function facts(device) {
  const since = h("time", { datetime: device.created_at, title: when(device.created_at) }, ago(device.created_at));
  const seen = h("time", { datetime: device.last_seen_at, title: when(device.last_seen_at) }, ago(device.last_seen_at));
  return h("p", { class: "small soft" }, device.ip || "no address", " · signed in ", since, " · last seen ", seen);
}

/** @param {import("./witness.js").Witness} witness */
function liveText({ state, accepted, refusals }) {
  if (state === "idle") return "about to call…";
  if (!refusals.length) return h("span", { class: "chip alive" }, `its token was accepted ${plural(accepted, "time")}`);
  return h(
    "ul",
    { class: "refusals" },
    refusals.map((each) => h("li", {}, told(each))),
  );
}

/** @param {Device} device */
function nameOf(device) {
  return device.device || browserOf(device.user_agent);
}

import { account } from "../account.js";
import { deviceList } from "../device-list.js";
import { h } from "../dom.js";
import { say } from "../messages.js";
import { phoneForm } from "../phone-form.js";
import { complaintOf } from "../words.js";

export const title = "Devices";
export const needs = "account";

export function view() {
  const devices = deviceList({ mayEnd: true, below: (look) => [others(look), phoneForm(look)] });
  return {
    lead: "Every sign-in, here and elsewhere. Sign one out, and its credentials are dead within a second, in every process.",
    content: devices.content,
    focus: () => void devices.look(),
    leave: devices.leave,
  };
}

/** @param {() => Promise<void>} look */
function others(look) {
  const end = async () => {
    try {
      await account.logoutOthers();
      await look();
    } catch (error) {
      say(complaintOf(error), "no");
    }
  };
  return h(
    "div",
    { class: "row" },
    h("button", { type: "button", class: "cut", onclick: () => void end() }, "Sign out all others"),
  );
}

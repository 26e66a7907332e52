import { account } from "../account.js";
import { deviceList } from "../device-list.js";
import { h } from "../dom.js";
import { field, form, submit } from "../form.js";
import { say } from "../messages.js";
import { phoneForm } from "../phone-form.js";

export const title = "Password";
export const needs = "account";

export function view() {
  const devices = deviceList({ mayEnd: false, below: (look) => [phoneForm(look)] });
  const change = form(
    async ({ old = "", new: fresh = "" }, element) => {
      await account.changePassword({ oldPassword: old, newPassword: fresh });
      element.reset();
      say("Changed. This device has new credentials; every other one is signed out.");
      await devices.look();
    },
    // Hidden, for password managers: whose password this is.
    h("input", { type: "text", name: "username", value: account.name, autocomplete: "username", hidden: true }),
    field({ name: "old", label: "Password now", type: "password", required: true, autocomplete: "current-password" }),
    field({
      name: "new",
      label: "New password",
      type: "password",
      required: true,
      autocomplete: "new-password",
      hint: "At least 8 characters.",
    }),
    h("div", { class: "row" }, submit("Change the password")),
  );
  return {
    lead: "Whoever knows the old one is out: all other sessions end with it.",
    content: h(
      "div",
      { class: "stack" },
      h("div", { class: "card" }, change),
      h("h2", {}, "Who is signed in"),
      devices.content,
    ),
    focus: () => void devices.look(),
    leave: devices.leave,
  };
}

import { h } from "./dom.js";
import { field, form, submit } from "./form.js";
import { addPhone } from "./phones.js";

/** Adds a pretend phone. @param {() => Promise<void>} added */
export function phoneForm(added) {
  const name = "phone-password";
  return h(
    "details",
    { class: "card" },
    h("summary", {}, "No second device at hand? Pretend a phone"),
    form(
      async (values, element) => {
        await addPhone(values[name] ?? "");
        element.reset();
        await added();
      },
      field({
        name,
        label: "Your password, once more",
        type: "password",
        required: true,
        autocomplete: "current-password",
        hint: "Signs in a second session, which calls the API five times a second until it is refused.",
      }),
      h("div", { class: "row" }, submit("Add the phone", "plain")),
    ),
  );
}

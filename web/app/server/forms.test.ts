import { expect, test } from "bun:test";
import { UsherError } from "../../../sdk/errors.ts";
import { toRefusal } from "./forms.ts";

function buildForm(entries: [string, string][]): FormData {
  const form = new FormData();
  for (const [name, value] of entries) form.append(name, value);
  return form;
}

const refused = () => new UsherError("invalid", "no", { retry: false });

test("what was typed is sent back, except passwords; of a field with several values each one on a line", () => {
  const form = buildForm([
    ["scopes", "stats"],
    ["name", "a"],
    ["password", "secret"],
    ["scopes", "events"],
  ]);
  form.append("file", new File(["x"], "x"));
  expect(toRefusal(refused(), form).typed).toEqual({ scopes: "stats\nevents", name: "a" });
});

test("a form is read once, however many fields it has", () => {
  const form = buildForm(Array.from({ length: 1_000 }, (_, n) => [`field-${n}`, "x"]));
  let calls = 0;
  const counting = new Proxy(form, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      calls += 1;
      return value.bind(target);
    },
  });
  expect(Object.keys(toRefusal(refused(), counting).typed)).toHaveLength(1_000);
  expect(calls).toBeLessThan(10);
});

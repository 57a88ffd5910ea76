import { expect, test } from "bun:test";
import { isolate } from "./isolate.ts";

test("a name that runs from right to left turns nothing around it, and every other name stays as it is", () => {
  expect(isolate("سارة")).toBe("\u2068سارة\u2069");
  expect(isolate("דוד 2")).toBe("\u2068דוד 2\u2069");
  for (const name of ["ada", "Ελένη", "हिन्दी", "ก้อง", "山田", ""]) expect(isolate(name)).toBe(name);
});

import { expect, test } from "bun:test";
import { bidiIsolate } from "./bidi-isolate.ts";

test("a right-to-left name does not change the direction around it, and every other name is unchanged", () => {
  expect(bidiIsolate("سارة")).toBe("\u2068سارة\u2069");
  expect(bidiIsolate("דוד 2")).toBe("\u2068דוד 2\u2069");
  for (const name of ["ada", "Ελένη", "हिन्दी", "ก้อง", "山田", ""]) expect(bidiIsolate(name)).toBe(name);
});

import { expect, test } from "bun:test";
import fc from "fast-check";
import { firstIndex } from "./visible-range.ts";

test("finds the first index for which the condition holds", () => {
  fc.assert(
    fc.property(fc.nat(400), fc.nat(400), (count, from) => {
      expect(firstIndex(count, (index) => index >= from)).toBe(Math.min(count, from));
    }),
  );
});

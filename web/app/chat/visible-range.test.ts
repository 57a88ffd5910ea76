import { expect, test } from "bun:test";
import fc from "fast-check";
import { firstIndex } from "./visible-range.ts";

test("the first place for which something holds is found, wherever it is", () => {
  fc.assert(
    fc.property(fc.nat(400), fc.nat(400), (count, from) => {
      expect(firstIndex(count, (index) => index >= from)).toBe(Math.min(count, from));
    }),
  );
});

import { expect, test } from "bun:test";
import { JSON_DEPTH, outOfBounds } from "./json-bounds.ts";

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

test("what nests too deep or holds too much is out of bounds, one less is not", () => {
  expect(outOfBounds(nested(JSON_DEPTH), 100)).toBeNull();
  expect(outOfBounds(nested(JSON_DEPTH + 1), 100)).toBe("Nest at most 32 levels.");
  expect(outOfBounds(`[${"0,".repeat(98)}0]`, 100)).toBeNull();
  expect(outOfBounds(`[${"0,".repeat(100)}0]`, 100)).toBe("Send at most 100 values.");
  expect(outOfBounds(`[${"{},".repeat(50)}0]`, 100)).toBe("Send at most 100 values.");
});

test("many shallow values one after the other are not deep, and brackets in texts are none", () => {
  expect(outOfBounds(`[${"[],".repeat(40)}0]`, 100)).toBeNull();
  expect(outOfBounds(JSON.stringify({ a: `${nested(100)}\\"${",".repeat(200)}` }), 100)).toBeNull();
});

test("what is no JSON is left to the parser", () => {
  for (const text of ["", "]]]]", '"', "\\", "}{"]) expect(outOfBounds(text, 100)).toBeNull();
});

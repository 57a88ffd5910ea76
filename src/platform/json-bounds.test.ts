import { expect, test } from "bun:test";
import { checkJsonBounds, MAX_JSON_DEPTH } from "./json-bounds.ts";

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

test("what nests too deep or holds too much is out of bounds, one less is not", () => {
  expect(checkJsonBounds(nested(MAX_JSON_DEPTH), 100)).toBeNull();
  expect(checkJsonBounds(nested(MAX_JSON_DEPTH + 1), 100)).toBe("Nest at most 32 levels.");
  expect(checkJsonBounds(`[${"0,".repeat(98)}0]`, 100)).toBeNull();
  expect(checkJsonBounds(`[${"0,".repeat(100)}0]`, 100)).toBe("Send at most 100 values.");
  expect(checkJsonBounds(`[${"{},".repeat(50)}0]`, 100)).toBe("Send at most 100 values.");
});

test("many shallow values one after the other are not deep, and brackets in texts are none", () => {
  expect(checkJsonBounds(`[${"[],".repeat(40)}0]`, 100)).toBeNull();
  expect(checkJsonBounds(JSON.stringify({ a: `${nested(100)}\\"${",".repeat(200)}` }), 100)).toBeNull();
});

test("a number that no double can hold is out of bounds: it would be read as infinite, and written as null", () => {
  for (const number of ["1e999", "-1E+400", "9".repeat(309), `1${"0".repeat(400)}.5`, "0.1e310"])
    for (const text of [number, `{"a":[1,${number}]}`, `{"a":${number},"b":1}`])
      expect(checkJsonBounds(text, 100)).toStartWith(`The number ${number.replace("-", "").slice(0, 20)}`);
  const finite = [
    "1.7e308",
    "0e999",
    "1e-999",
    "9".repeat(308),
    `0.${"1".repeat(60_000)}`,
    "true",
    "false",
    "-0",
    '"1e999"',
  ];
  for (const text of finite) expect(checkJsonBounds(`{"a":${text},"e":"9e999"}`, 100)).toBeNull();
});

test("what is no JSON is left to the parser", () => {
  for (const text of ["", "]]]]", '"', "\\", "}{", "1e5-3e999", "1.2.3e999", "e999"])
    expect(checkJsonBounds(text, 100)).toBeNull();
});

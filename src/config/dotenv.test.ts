import { expect, test } from "bun:test";
import { parseDotenv } from "./dotenv.ts";

test("names, values, comments, quotes and export", () => {
  const { entries, mistakes } = parseDotenv(
    ["# note", "", "A=1", "export B = two words # why", "C='# kept '", 'D="x"', "E=a#b", "F="].join("\r\n"),
  );
  expect(entries.map(({ name, value }) => [name, value])).toEqual([
    ["A", "1"],
    ["B", "two words"],
    ["C", "# kept "],
    ["D", "x"],
    ["E", "a#b"],
    ["F", ""],
  ]);
  expect(mistakes).toEqual([]);
});

test("a line that is none is named by its number", () => {
  expect(parseDotenv('A=1\nnonsense\nB="open').mistakes).toEqual([
    "Line 2 of .env is not of the form NAME=value.",
    "Line 3 of .env is not of the form NAME=value.",
  ]);
});

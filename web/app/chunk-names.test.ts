import { expect, test } from "bun:test";
import { chunkNames } from "./chunk-names.ts";

test("names are requested once each, in lists that fit into a request", () => {
  expect(chunkNames([])).toEqual([]);
  expect(chunkNames(["a", "b", "a"])).toEqual([["a", "b"]]);
  const short = Array.from({ length: 150 }, (_, n) => `user:${n}`);
  expect(chunkNames(short)).toEqual([short.slice(0, 100), short.slice(100)]);
  const long = Array.from({ length: 40 }, (_, n) => `${n}`.padEnd(255, "|"));
  const lists = chunkNames(long);
  expect(lists.flat()).toEqual(long);
  for (const list of lists) expect(list.join().length).toBeLessThanOrEqual(4_000);
});

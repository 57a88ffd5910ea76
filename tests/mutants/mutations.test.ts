import { expect, test } from "bun:test";
import { findMutations, mutate } from "./mutations.ts";

const SOURCE = `import { a } from "./a.ts";
/** Whether x < y && y > 1. */
export function f(x: number): boolean {
  if (x === 3) throw new Error("three");
  notify(x);
  logger.warn({ x }, "x < 1"); // x > 2
  return x < 10 && true; // or x > 2
}`;

test("each position of a possible fault is found once, and none in comments, imports and logging", () => {
  expect(findMutations(SOURCE).map(({ line, kind }) => `${line} ${kind}`)).toEqual([
    "4 guard taken out",
    "4 === to !==",
    "5 call taken out",
    "7 < to <=",
    "7 && to ||",
    "7 true to false",
  ]);
});

test("a mutant differs from its source in that one line", () => {
  for (const mutation of findMutations(SOURCE)) {
    const [before, after] = [SOURCE.split("\n"), mutate(SOURCE, mutation).split("\n")];
    const changed = after.flatMap((text, index) => (text === before[index] ? [] : [index + 1]));
    expect(changed).toEqual([mutation.line]);
  }
});

import { expect, test } from "bun:test";
import { createLanes } from "./lanes.ts";

test("an item is given up by its own age, not by that of the lane's first", async () => {
  let time = 0;
  const runs: { items: number[]; end: () => void }[] = [];
  const givenUp: number[] = [];
  const lanes = createLanes<number>({
    key: () => "one",
    run: (items) => new Promise((resolve) => runs.push({ items, end: resolve })),
    giveUp: (items) => void givenUp.push(...items),
    maxBatch: 2,
    now: () => time,
  });
  const follow = (...items: number[]) => items.forEach((item) => void expect(lanes.follow(item)).toBe(true));
  async function endRun(): Promise<void> {
    runs.at(-1)!.end();
    await new Promise(setImmediate); // what follows of it needs no more than a few turns of promises
  }

  lanes.add([1, 2, 3]);
  time = 3_000;
  follow(4, 5);
  await endRun();
  time = 4_500;
  follow(6);
  await endRun();
  expect(runs.map(({ items }) => items)).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(givenUp).toEqual([]);

  follow(7);
  time = 9_000;
  follow(8);
  expect(lanes.size).toBe(2);
  await endRun();
  expect(givenUp).toEqual([7]);
  expect([runs.at(-1)!.items, lanes.size]).toEqual([[8], 0]);
  runs.at(-1)!.end();
});

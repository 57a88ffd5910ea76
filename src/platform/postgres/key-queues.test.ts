import { expect, test } from "bun:test";
import { createKeyQueues } from "./key-queues.ts";

test("an item expires by its own age, not by that of the first in its queue", async () => {
  let time = 0;
  const runs: { items: number[]; end: () => void }[] = [];
  const givenUp: number[] = [];
  const queues = createKeyQueues<number>({
    key: () => "one",
    run: (items) => new Promise((resolve) => runs.push({ items, end: resolve })),
    onTimeout: (items) => void givenUp.push(...items),
    maxBatch: 2,
    now: () => time,
  });
  const enqueue = (...items: number[]) => items.forEach((item) => void expect(queues.tryEnqueue(item)).toBe(true));
  async function endRun(): Promise<void> {
    runs.at(-1)!.end();
    await new Promise(setImmediate); // what follows of it needs no more than a few turns of promises
  }

  queues.add([1, 2, 3]);
  time = 3_000;
  enqueue(4, 5);
  await endRun();
  time = 4_500;
  enqueue(6);
  await endRun();
  expect(runs.map(({ items }) => items)).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(givenUp).toEqual([]);

  enqueue(7);
  time = 9_000;
  enqueue(8);
  expect(queues.size).toBe(2);
  await endRun();
  expect(givenUp).toEqual([7]);
  expect([runs.at(-1)!.items, queues.size]).toEqual([[8], 0]);
  runs.at(-1)!.end();
});

import { expect, test } from "bun:test";
import { batchRequests } from "./batch-requests.ts";

function squares(most: number) {
  const runs: number[][] = [];
  const ask = batchRequests<number, number>({
    maxBatch: most,
    key: String,
    async run(asks) {
      runs.push([...asks]);
      await new Promise(setImmediate);
      if (asks.includes(13)) throw new Error("thirteen");
      return asks.map((n) => n * n);
    },
  });
  return { runs, ask };
}

test("asks of one turn are one run, equal ones one ask, and what comes meanwhile is the next run", async () => {
  const { runs, ask } = squares(100);
  const first = [1, 2, 2, 3].map(ask);
  await Promise.resolve();
  await Promise.resolve();
  const later = [2, 4].map(ask);
  expect(await Promise.all([...first, ...later])).toEqual([1, 4, 4, 9, 4, 16]);
  expect(runs).toEqual([
    [1, 2, 3],
    [2, 4],
  ]);
});

test("a run takes at most so many", async () => {
  const { runs, ask } = squares(2);
  await Promise.all([1, 2, 3, 4, 5].map(ask));
  expect(runs.map((run) => run.length)).toEqual([2, 2, 1]);
});

test("a failed run fails its own asks alone", async () => {
  const { ask } = squares(1);
  const [bad, good] = await Promise.allSettled([ask(13), ask(2)]);
  expect(bad!.status).toBe("rejected");
  expect(good).toEqual({ status: "fulfilled", value: 4 });
});

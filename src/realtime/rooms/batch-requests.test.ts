import { expect, test } from "bun:test";
import { batchRequests } from "./batch-requests.ts";

function squares(maxBatch: number) {
  const runs: number[][] = [];
  const request = batchRequests<number, number>({
    maxBatch,
    key: String,
    async run(requests) {
      runs.push([...requests]);
      await new Promise(setImmediate);
      if (requests.includes(13)) throw new Error("thirteen");
      return requests.map((n) => n * n);
    },
  });
  return { runs, request };
}

test("requests of one turn are one run, equal ones one request, and what comes meanwhile is the next run", async () => {
  const { runs, request } = squares(100);
  const first = [1, 2, 2, 3].map(request);
  await Promise.resolve();
  await Promise.resolve();
  const later = [2, 4].map(request);
  expect(await Promise.all([...first, ...later])).toEqual([1, 4, 4, 9, 4, 16]);
  expect(runs).toEqual([
    [1, 2, 3],
    [2, 4],
  ]);
});

test("a run has a maximum size", async () => {
  const { runs, request } = squares(2);
  await Promise.all([1, 2, 3, 4, 5].map(request));
  expect(runs.map((run) => run.length)).toEqual([2, 2, 1]);
});

test("a failed run fails only its own requests", async () => {
  const { request } = squares(1);
  const [bad, good] = await Promise.allSettled([request(13), request(2)]);
  expect(bad!.status).toBe("rejected");
  expect(good).toEqual({ status: "fulfilled", value: 4 });
});

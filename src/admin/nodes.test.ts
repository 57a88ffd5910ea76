import { expect, test } from "bun:test";
import type { Watcher } from "../realtime/index.ts";
import type { AdminDeps } from "./deps.ts";
import { createNodes } from "./nodes.ts";

test("a node that receives nothing is deaf if another one receives; else the broker is away", () => {
  const listed = (...receiving: boolean[]) =>
    createNodes({
      liveNodes: () => receiving.map((each, node) => ({ node, isReceiving: each, started_at: new Date(), lag: 7 })),
    } as unknown as AdminDeps).list();
  expect(listed(true, false).map(({ broker }) => broker)).toEqual(["ok", "deaf"]);
  expect(listed(false, false).map(({ broker }) => broker)).toEqual(["away", "away"]);
  expect(listed(true)[0]?.lag_ms).toBe(7);
});

test("an entry that drains this node takes effect once, however often and in whatever order it is read", () => {
  const drained: number[] = [];
  let watcher: Watcher | undefined;
  const nodes = createNodes({
    liveNodes: () => [{ node: 3, run: "ours" }],
    node: () => "3",
    realtime: {
      watch(_room: string, by: Watcher) {
        watcher = by;
      },
      drain: async (ms: number) => void drained.push(ms),
    },
    logger: { info() {} },
  } as unknown as AdminDeps);
  nodes.start();
  const drain = (seq: number, run: string, seconds: number) =>
    watcher!.entry({ room: "_nodes", seq, type: "node:drain", payload: JSON.stringify({ run, seconds }) });
  drain(2, "ours", 5);
  drain(1, "ours", 60);
  for (let times = 0; times < 3; times++) drain(2, "ours", 5);
  drain(3, "another", 5);
  expect(drained).toEqual([5_000, 60_000]);
});

import { expect, test } from "bun:test";
import type { Line } from "./message.ts";
import { ScatterGather } from "./scatter-gather.ts";

/** Node 1 of three; what it asked, and its clockwork. */
function node(living: number[] = [1, 2, 3]) {
  const asked: string[] = [];
  const scatterGather = new ScatterGather({
    node: () => 1,
    liveNodes: () => living,
    isConnected: () => true,
    send: (_to, line: Line) => line.kind === "request" && asked.push(line.id),
  });
  scatterGather.onRequest("how many", () => 10);
  const gather = async (timeout: number) => {
    const began = performance.now();
    const { replies, partial } = await scatterGather.gather<number>("how many", null, timeout);
    return { sum: replies.reduce((a, b) => a + b, 0), partial, waited: performance.now() - began > timeout / 2 };
  };
  return { questions: scatterGather, asked, gather };
}

test("a node that is silent is waited for once, and again when something was heard of it", async () => {
  const { questions, asked, gather } = node();
  const first = gather(40);
  questions.handleReply(2, asked.at(-1)!, "1");
  expect(await first).toEqual({ sum: 11, partial: true, waited: true });

  // Without an answer of node 3, and without waiting for one.
  const second = gather(5_000);
  questions.handleReply(2, asked.at(-1)!, "1");
  expect(await second).toEqual({ sum: 11, partial: true, waited: false });

  questions.markResponsive(3);
  const third = gather(5_000);
  questions.handleReply(2, asked.at(-1)!, "1");
  questions.handleReply(3, asked.at(-1)!, "5");
  expect(await third).toEqual({ sum: 16, partial: false, waited: false });
});

test("an answer that comes twice counts once, and one of a node that has just come counts too", async () => {
  const { questions, asked, gather } = node();
  const all = gather(5_000);
  for (const who of [2, 2, 4, 4, 3]) questions.handleReply(who, asked.at(-1)!, "1");
  expect(await all).toEqual({ sum: 13, partial: false, waited: false });
});

import { expect, test } from "bun:test";
import type { Line } from "./message.ts";
import { ScatterGather } from "./scatter-gather.ts";

/** Node 1 of three, and the requests that it sent. */
function node(liveNodes: number[] = [1, 2, 3]) {
  const sent: string[] = [];
  const scatterGather = new ScatterGather({
    node: () => 1,
    liveNodes: () => liveNodes,
    isConnected: () => true,
    send: (_to, line: Line) => line.kind === "request" && sent.push(line.id),
  });
  scatterGather.onRequest("how many", () => 10);
  const gather = async (timeout: number) => {
    const began = performance.now();
    const { replies, partial } = await scatterGather.gather<number>("how many", null, timeout);
    return { sum: replies.reduce((a, b) => a + b, 0), partial, waited: performance.now() - began > timeout / 2 };
  };
  return { scatterGather, sent, gather };
}

test("a silent node is waited for once, and again after something came from it", async () => {
  const { scatterGather, sent, gather } = node();
  const first = gather(40);
  scatterGather.handleReply(2, sent.at(-1)!, "1");
  expect(await first).toEqual({ sum: 11, partial: true, waited: true });

  // Without a reply of node 3, and without waiting for one.
  const second = gather(5_000);
  scatterGather.handleReply(2, sent.at(-1)!, "1");
  expect(await second).toEqual({ sum: 11, partial: true, waited: false });

  scatterGather.markResponsive(3);
  const third = gather(5_000);
  scatterGather.handleReply(2, sent.at(-1)!, "1");
  scatterGather.handleReply(3, sent.at(-1)!, "5");
  expect(await third).toEqual({ sum: 16, partial: false, waited: false });
});

test("a reply that comes twice counts once, and one of a new node counts too", async () => {
  const { scatterGather, sent, gather } = node();
  const all = gather(5_000);
  for (const node of [2, 2, 4, 4, 3]) scatterGather.handleReply(node, sent.at(-1)!, "1");
  expect(await all).toEqual({ sum: 13, partial: false, waited: false });
});

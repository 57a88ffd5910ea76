import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CloseReason } from "../../../protocol/codes.ts";
import { type HubNode, startHubNode } from "../../../tests/support/hub-node.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { ANONYMOUS } from "../../platform/caller.ts";
import type { Sink, Streams } from "./index.ts";
import { createStreams } from "./streams.ts";

const PONG_TIMEOUT = 400;
let node: HubNode;
let streams: Streams;
beforeAll(async () => {
  node = await startHubNode({ limits: { pingInterval: 100, pongTimeout: PONG_TIMEOUT } });
  streams = createStreams(node.hub);
  node.hub.start(streams.publish);
});
afterAll(async () => {
  streams.stop();
  await node.stop();
});

/** A client's end of a stream, on a network that still has `waiting` bytes to take. */
class Network implements Sink {
  waiting = 0;
  ended: CloseReason | "cut" | null = null;
  write({ text }: { text: string }): void {
    this.waiting += text.length;
  }
  heartbeat(): void {}
  buffered(): number {
    return this.waiting;
  }
  end(reason: CloseReason | "cut"): void {
    this.ended = reason;
  }
}

function open(): Network {
  const sink = new Network();
  const rooms = [{ room: "event:busy", since: null }];
  streams.open({ caller: ANONYMOUS, address: "192.0.2.1", rooms, sink });
  return sink;
}

test("HB-2 SS-5 a client that reads, but never all, is alive; one that reads nothing is cut", async () => {
  const [reads, stuck] = [open(), open()];
  await waitUntil("both are in the room", async () => node.hub.counts().rooms.event === 2);
  const since = performance.now();
  await waitUntil("the timeout is over thrice", async () => {
    // Never all of it: there is more on the way than the network takes at once.
    reads.waiting = Math.min(reads.waiting, 50);
    await node.say("event:busy", "x".repeat(50));
    return reads.ended !== null || performance.now() - since > 3 * PONG_TIMEOUT;
  });
  expect([reads.ended, stuck.ended]).toEqual([null, "cut"]);
});

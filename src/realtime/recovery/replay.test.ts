import { expect, test } from "bun:test";
import { CLOSE } from "../../../protocol/codes.ts";
import { HUB_LIMITS } from "../../../tests/support/hub-node.ts";
import { stubSocket } from "../../../tests/support/hub-stubs.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { ANONYMOUS } from "../../platform/caller.ts";
import { systemClock } from "../../platform/clock.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { Connection } from "../connections/connection.ts";
import { ConnectionChecker } from "../connections/connection-checker.ts";
import { ConnectionCloser } from "../connections/connection-closer.ts";
import { FrameSender } from "../connections/frame-sender.ts";
import { Policies } from "../rooms/policies.ts";
import { RoomRegistry } from "../rooms/room-registry.ts";
import { Joins } from "./join.ts";

/** A payload of the maximum size, and how many of them make a backlog of almost 1 MB. */
const FRAME = 65_000;
const MISSED = 16;

/** A client that comes back, whose network sends `bytes` every 5 ms; resolves when it has all that it missed, or is closed. */
async function comeBack(bytes: number): Promise<{ closed: number[]; sent: number }> {
  const room = "event:1";
  const payload = JSON.stringify({ text: "x".repeat(FRAME) });
  const entries = Array.from({ length: MISSED }, (_, i) => ({ room, seq: i + 1, type: "message:created", payload }));
  let unsent = 0;
  let sent = 0;
  const closed: number[] = [];
  const socket = stubSocket({
    send(text) {
      unsent += text.length;
      return -1;
    },
    close: (code) => void closed.push(code),
    getBufferedAmount: () => unsent,
  });
  const metrics = createMetrics("0").hub;
  const sender = new FrameSender(metrics);
  const rooms = new RoomRegistry({ onFrame() {}, onPublished() {}, onGap() {} });
  const policies = new Policies();
  policies.register("event", { authorize: async () => {} });
  const joins = new Joins({
    rooms,
    policies,
    sender,
    metrics,
    log: { slice: async () => ({ room, head: MISSED, entries, complete: true }), heads: async () => new Map() },
    logger: { warn() {}, error() {} },
    epoch: () => "e",
    roomsPerConnection: 10,
  });
  const connection = new Connection(1, ANONYMOUS, performance.now(), 1);
  connection.socket = socket;
  // A cycle takes 20 ms.
  const limits = { ...HUB_LIMITS, pingInterval: 40, pongTimeout: 3_600_000 };
  const closer = new ConnectionCloser(sender, metrics);
  const checker = new ConnectionChecker([connection], limits, closer, sender, metrics, systemClock);
  checker.start();
  const network = setInterval(() => {
    const part = Math.min(unsent, bytes);
    unsent -= part;
    sent += part;
    // Like transports that only report an empty buffer.
    if (part > 0 && unsent === 0) connection.notifyDrained();
  }, 5);
  await joins.join(connection, [{ room, since: 0 }], () => {});
  await waitUntil("all is sent, or the client is closed", () => sent > MISSED * FRAME || closed.length > 0);
  clearInterval(network);
  checker.stop();
  return { closed, sent };
}

test("SL-1 a client that reads its backlog slowly is not closed", async () => {
  expect((await comeBack(2_000)).closed).toEqual([]);
});

test("SL-1 a client that reads nothing of its backlog is closed", async () => {
  expect(await comeBack(0)).toEqual({ closed: [CLOSE.slow.code], sent: 0 });
});

import { expect, test } from "bun:test";
import { HUB_LIMITS } from "../../tests/support/hub-node.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";
import { ANONYMOUS } from "../platform/caller.ts";
import { systemClock } from "../platform/clock.ts";
import { createMetrics } from "../platform/metrics.ts";
import { Connection } from "./connection.ts";
import type { Socket } from "./doors.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Joins } from "./join.ts";
import { Policies } from "./policies.ts";
import { Rooms } from "./rooms.ts";
import { Sender } from "./sender.ts";

/** A frame of the greatest size that a payload may have, and how many of them make a backlog of almost 1 MB. */
const FRAME = 65_000;
const MISSED = 16;

test("SL-1 a backlog that the network takes slowly, but takes, does not make a client slow", async () => {
  const room = "event:1";
  const payload = JSON.stringify({ text: "x".repeat(FRAME) });
  const entries = Array.from({ length: MISSED }, (_, i) => ({ room, seq: i + 1, type: "message:created", payload }));
  let unsent = 0;
  let taken = 0;
  const closed: number[] = [];
  const socket: Socket = {
    send(text) {
      unsent += text.length;
      return -1;
    },
    subscribe() {},
    unsubscribe() {},
    cork: (work) => work(),
    ping() {},
    close: (code) => void closed.push(code),
    terminate() {},
    getBufferedAmount: () => unsent,
  };
  const metrics = createMetrics("0").hub;
  const sender = new Sender(metrics);
  const rooms = new Rooms({ show() {}, shown() {}, missing() {} });
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
  // A round takes 20 ms; the network takes 5 kB in 5 ms.
  const limits = { ...HUB_LIMITS, pingInterval: 40, pongTimeout: 3_600_000 };
  const heartbeat = new Heartbeat([connection], limits, sender, metrics, systemClock);
  heartbeat.start();
  const network = setInterval(() => {
    const part = Math.min(unsent, 5_000);
    unsent -= part;
    taken += part;
    if (part > 0) connection.wake();
  }, 5);
  await joins.enter(connection, [{ room, since: 0 }], () => {});
  await waitUntil("all is taken, or the client is sent away", () => taken > MISSED * FRAME || closed.length > 0);
  clearInterval(network);
  heartbeat.stop();
  expect(closed).toEqual([]);
});

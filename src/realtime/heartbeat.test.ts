import { expect, test } from "bun:test";
import { HUB_LIMITS } from "../../tests/support/hub-node.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";
import { systemClock } from "../platform/clock.ts";
import { createMetrics } from "../platform/metrics.ts";
import { Connection } from "./connection.ts";
import type { Socket } from "./doors.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Sender } from "./sender.ts";

test("when a crowd leaves in the middle of a round, whoever stays is still looked at", async () => {
  let pings = 0;
  const socket: Socket = {
    send: () => 1,
    subscribe() {},
    unsubscribe() {},
    cork: (work) => work(),
    ping: () => void pings++,
    close() {},
    terminate() {},
    getBufferedAmount: () => 0,
  };
  const connections = Array.from({ length: 200_000 }, (_, id) => {
    const connection = new Connection(id, { kind: "anonymous" }, performance.now(), 1);
    connection.socket = socket;
    return connection;
  });
  const limits = { ...HUB_LIMITS, pingInterval: 100, pongTimeout: 3_600_000 };
  const metrics = createMetrics("0").hub;
  const heartbeat = new Heartbeat(connections, limits, new Sender(metrics), metrics, systemClock);
  heartbeat.start();
  await waitUntil("a round has begun", () => pings > 0);
  connections.length = 1;
  pings = 0;
  await waitUntil("the one who stayed is asked again", () => pings > 1, 10_000);
  heartbeat.stop();
  expect(pings).toBeGreaterThan(1);
});

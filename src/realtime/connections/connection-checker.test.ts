import { expect, test } from "bun:test";
import { HUB_LIMITS } from "../../../tests/support/hub-node.ts";
import { stubSocket } from "../../../tests/support/hub-stubs.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { systemClock } from "../../platform/clock.ts";
import { createMetrics } from "../../platform/metrics.ts";
import type { HubLimits } from "../deps.ts";
import { Connection } from "./connection.ts";
import { ConnectionChecker } from "./connection-checker.ts";
import { ConnectionCloser } from "./connection-closer.ts";
import { FrameSender } from "./frame-sender.ts";

function createChecker(connections: readonly Connection[], limits: HubLimits): ConnectionChecker {
  const metrics = createMetrics("0").hub;
  const sender = new FrameSender(metrics);
  return new ConnectionChecker(
    connections,
    limits,
    new ConnectionCloser(sender, metrics),
    sender,
    metrics,
    systemClock,
  );
}

test("when many connections close in the middle of a cycle, the others are still checked", async () => {
  let pings = 0;
  const socket = stubSocket({ ping: () => void pings++ });
  const connections = Array.from({ length: 200_000 }, (_, id) => {
    const connection = new Connection(id, { kind: "anonymous" }, performance.now(), 1);
    connection.socket = socket;
    return connection;
  });
  const limits = { ...HUB_LIMITS, pingInterval: 100, pongTimeout: 3_600_000 };
  const checker = createChecker(connections, limits);
  checker.start();
  await waitUntil("a cycle has begun", () => pings > 0);
  connections.length = 1;
  pings = 0;
  await waitUntil("the one that stayed is pinged again", () => pings > 1, 10_000);
  checker.stop();
  expect(pings).toBeGreaterThan(1);
});

test("HB-1 HB-2 when the times are made shorter, a connection is cut only after a ping without a pong", async () => {
  const cut: string[] = [];
  const connect = (name: string, pongs: boolean) => {
    // Both have been quiet for 15 s, and were pinged then.
    const connection = new Connection(1, { kind: "anonymous" }, performance.now() - 15_000, 1);
    connection.lastPingAt = connection.lastSeenAt;
    connection.socket = stubSocket({
      ping: () => pongs && connection.recordActivity(performance.now(), 1, 1),
      terminate() {
        cut.push(name);
        connection.socket = null;
      },
    });
    return connection;
  };
  const limits = { ...HUB_LIMITS, pingInterval: 30_000, pongTimeout: 60_000 };
  const connections = [connect("dead", false), connect("alive", true)];
  const checker = createChecker(connections, limits);
  checker.start();
  Object.assign(limits, { pingInterval: 100, pongTimeout: 200 });
  await waitUntil("the dead one is cut", () => cut.includes("dead"));
  checker.stop();
  expect(cut).toEqual(["dead"]);
});

import { expect, test } from "bun:test";
import { createMetrics } from "./metrics.ts";

test("the broker's numbers are read at each scrape, and are there from 0 on", async () => {
  const metrics = createMetrics("0.0.0");
  const now = {
    messagesOut: 0,
    bytesOut: 0,
    messagesIn: 0,
    bytesIn: 0,
    dropped: { away: 0, slow: 0, malformed: 0, foreign: 0 },
    lag: 0,
    health: "ok" as "ok" | "away" | "isolated",
  };
  metrics.watchBroker(() => now);
  const lines = async () => (await metrics.text()).split("\n").filter((line) => line.startsWith("usher_broker_"));
  expect(await lines()).toEqual([
    'usher_broker_messages_total{direction="out"} 0',
    'usher_broker_messages_total{direction="in"} 0',
    'usher_broker_bytes_total{direction="out"} 0',
    'usher_broker_bytes_total{direction="in"} 0',
    'usher_broker_dropped_total{reason="away"} 0',
    'usher_broker_dropped_total{reason="slow"} 0',
    'usher_broker_dropped_total{reason="malformed"} 0',
    'usher_broker_dropped_total{reason="foreign"} 0',
    "usher_broker_round_trip_seconds 0",
    "usher_broker_up 1",
    "usher_broker_deaf 0",
  ]);
  Object.assign(now, { messagesOut: 3, bytesIn: 50, lag: 4, health: "isolated" });
  const later = await lines();
  for (const line of [
    'usher_broker_messages_total{direction="out"} 3',
    'usher_broker_bytes_total{direction="in"} 50',
    "usher_broker_round_trip_seconds 0.004",
    "usher_broker_up 0",
    "usher_broker_deaf 1",
  ])
    expect(later).toContain(line);
  metrics.stop();
});

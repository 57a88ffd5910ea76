import { expect, test } from "bun:test";
import { createMetrics } from "./metrics.ts";

test("a database that does not respond does not delay the other metrics", async () => {
  const metrics = createMetrics("0.0.0");
  const silent = Promise.withResolvers<never>();
  const sources = {
    nodes: () => 3,
    isLeaseHeld: () => true,
    pools: {},
    isWritable: () => true,
    tailLag: () => 0,
    logSize: () => silent.promise,
    logConsumers: async () => [],
    isPresenceUp: () => true,
    watchedRooms: () => 0,
  };
  metrics.watchNode(sources);
  expect(await metrics.text()).toContain("usher_nodes 3\n");
});

import { expect, test } from "bun:test";
import fc from "fast-check";
import { startHubNode } from "../../../tests/support/hub-node.ts";
import { openClient } from "../../../tests/support/ws-client.ts";
import { getReconnectWindow, MIN_RECONNECT_WINDOW_MS } from "./reconnect-window.ts";

test("DR-1 who is sent away with many others is given a time that grows with their number", () => {
  expect(getReconnectWindow(10, 5_000)).toBe(MIN_RECONNECT_WINDOW_MS);
  expect(getReconnectWindow(10, 5_000, 1, 3_000)).toBe(3_000);
  expect(getReconnectWindow(50_000, 5_000)).toBe(20_000);
  expect(getReconnectWindow(50_000, 5_000, 4)).toBe(5_000);
  const some = fc.integer({ min: 1, max: 1_000_000 });
  fc.assert(
    fc.property(some, some, fc.integer({ min: 1, max: 100 }), (connections, handshakes, nodes) => {
      const seconds = getReconnectWindow(connections, handshakes, nodes) / 1_000;
      // At most half of what the nodes take, but for rounding.
      expect(connections / seconds).toBeLessThanOrEqual(((nodes * handshakes) / 2) * 1.001);
    }),
  );
});

for (const end of ["drain", "epoch"] as const) {
  test(`DR-1 RC-3 a ${end === "drain" ? "node that drains" : "new epoch"} tells a crowd to come back at half the pace of handshakes`, async () => {
    const node = await startHubNode({ limits: { handshakes: 2 } });
    const crowd = await Promise.all(Array.from({ length: 6 }, () => openClient(node.port)));
    for (const client of crowd) await client.next("system:connected");
    const drained = end === "drain" ? node.hub.drain(100) : node.hub.changeEpoch("another");
    for (const client of crowd) expect((await client.next("system:bye")).payload.after).toEqual([0, 6_000]);
    await drained;
    await node.stop();
  });
}

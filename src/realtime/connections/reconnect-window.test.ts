import { expect, test } from "bun:test";
import fc from "fast-check";
import { startHubNode } from "../../../tests/support/hub-node.ts";
import { openClient } from "../../../tests/support/ws-client.ts";
import { getReconnectWindow, MIN_RECONNECT_WINDOW_MS } from "./reconnect-window.ts";

test("DR-1 the reconnect window grows with the number of connections that are closed", () => {
  expect(getReconnectWindow(10, 5_000)).toBe(MIN_RECONNECT_WINDOW_MS);
  expect(getReconnectWindow(10, 5_000, 1, 3_000)).toBe(3_000);
  expect(getReconnectWindow(50_000, 5_000)).toBe(20_000);
  expect(getReconnectWindow(50_000, 5_000, 4)).toBe(5_000);
  const some = fc.integer({ min: 1, max: 1_000_000 });
  fc.assert(
    fc.property(some, some, fc.integer({ min: 1, max: 100 }), (connections, handshakes, nodes) => {
      const seconds = getReconnectWindow(connections, handshakes, nodes) / 1_000;
      // At most half of the nodes' handshakes, except for rounding.
      expect(connections / seconds).toBeLessThanOrEqual(((nodes * handshakes) / 2) * 1.001);
    }),
  );
});

for (const end of ["drain", "epoch"] as const) {
  test(`DR-1 RC-3 a ${end === "drain" ? "node that drains" : "new epoch"} lets many clients reconnect at half the rate of handshakes`, async () => {
    const node = await startHubNode({ limits: { handshakes: 2 } });
    const clients = await Promise.all(Array.from({ length: 6 }, () => openClient(node.port)));
    for (const client of clients) await client.next("system:connected");
    const drained = end === "drain" ? node.hub.drain(100) : node.hub.changeEpoch("another");
    for (const client of clients) expect((await client.next("system:bye")).payload.after).toEqual([0, 6_000]);
    await drained;
    await node.stop();
  });
}

import { afterEach, expect, test } from "bun:test";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import type { BrokerTransport } from "./broker-transport.ts";
import { RoundTrip } from "./round-trip.ts";

const MB = 1_048_576;
const running: RoundTrip[] = [];
afterEach(() => {
  for (const trip of running.splice(0)) trip.stop();
});

/** A round trip on a transport that this test controls. */
function node({ hasPeers = true, othersReceiving = false, connected = true, returnsProbes = false } = {}) {
  const state = {
    hasPeers,
    othersReceiving,
    connected,
    returnsProbes,
    probes: [] as number[],
    reconnects: 0,
    refreshes: 0,
  };
  const trip: RoundTrip = new RoundTrip({
    transport: {
      isConnected: () => state.connected,
      skipsProbeAlone: true,
      reconnect: () => void state.reconnects++,
    } as unknown as BrokerTransport,
    send(number) {
      state.probes.push(number);
      if (state.returnsProbes) queueMicrotask(() => trip.returned(number));
    },
    hasPeers: () => state.hasPeers,
    areOthersReceiving: () => state.othersReceiving,
    refresh: () => void state.refreshes++,
    times: { interval: 10, timeout: 100 },
  });
  running.push(trip);
  return { trip, state };
}

test("unconfirmed bytes are bounded, and a probe is sent with every two megabytes", () => {
  const { trip, state } = node();
  let sent = 0;
  while (trip.reserve(MB)) sent += 1;
  expect(sent).toBe(17);
  expect(state.probes.length).toBe(5);
  trip.returned(state.probes.at(-1)!);
  expect(trip.reserve(MB)).toBe(true);
});

test("the return of an unknown or old probe confirms nothing", () => {
  const { trip, state } = node();
  while (trip.reserve(MB));
  trip.returned(999);
  expect(trip.reserve(MB)).toBe(false);
  trip.returned(state.probes.at(-1)!);
  while (trip.reserve(MB));
  trip.returned(state.probes[0]!);
  expect(trip.reserve(MB)).toBe(false);
});

test("a node whose probes return is receiving and healthy", async () => {
  const { trip, state } = node({ returnsProbes: true });
  trip.start();
  await waitUntil("several probes went out", () => state.probes.length > 15);
  expect([trip.isReceiving, trip.health()]).toEqual([true, "ok"]);
  expect(state.reconnects).toBe(0);
});

test("a node whose probes do not return reconnects, reads the others' state, and is away while no other receives, isolated while others do", async () => {
  const { trip, state } = node();
  trip.start();
  await waitUntil("the silence is noticed", () => trip.health() === "away");
  expect(trip.isReceiving).toBe(false);
  expect(state.reconnects).toBeGreaterThan(0);
  expect(state.refreshes).toBeGreaterThan(0);
  state.othersReceiving = true;
  await waitUntil("the others have reported for a while that they receive", () => trip.health() === "isolated");
  state.returnsProbes = true;
  await waitUntil("a probe came back", () => trip.health() === "ok");
});

test("a node without peers sends no probes, and is healthy", async () => {
  const { trip, state } = node({ hasPeers: false, connected: false });
  trip.start();
  await Bun.sleep(50);
  expect(state.probes).toEqual([]);
  expect([trip.isReceiving, trip.health()]).toEqual([true, "ok"]);
});

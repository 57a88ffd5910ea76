import { afterEach, expect, test } from "bun:test";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import type { BrokerTransport } from "./broker-transport.ts";
import { RoundTrip } from "./round-trip.ts";

const MB = 1_048_576;
const running: RoundTrip[] = [];
afterEach(() => {
  for (const trip of running.splice(0)) trip.stop();
});

/** A node on a transport that this test answers for. */
function node({ company = true, othersHear = false, connected = true, answers = false } = {}) {
  const state = { company, othersHear, connected, answers, probes: [] as number[], reconnects: 0, refreshes: 0 };
  const trip: RoundTrip = new RoundTrip({
    transport: {
      connected: () => state.connected,
      silentAlone: true,
      reconnect: () => void state.reconnects++,
    } as unknown as BrokerTransport,
    send(number) {
      state.probes.push(number);
      if (state.answers) queueMicrotask(() => trip.returned(number));
    },
    hasPeers: () => state.company,
    areOthersReceiving: () => state.othersHear,
    refresh: () => void state.refreshes++,
    times: { interval: 10, timeout: 100 },
  });
  running.push(trip);
  return { trip, state };
}

test("what leaves is bounded by what has been proven to arrive, and a probe goes out with every two megabytes", () => {
  const { trip, state } = node();
  let sent = 0;
  while (trip.reserve(MB)) sent += 1;
  expect(sent).toBe(17);
  expect(state.probes.length).toBe(5);
  trip.returned(state.probes.at(-1)!);
  expect(trip.reserve(MB)).toBe(true);
});

test("an answer to no probe of ours, or to an old one, proves nothing more", () => {
  const { trip, state } = node();
  while (trip.reserve(MB));
  trip.returned(999);
  expect(trip.reserve(MB)).toBe(false);
  trip.returned(state.probes.at(-1)!);
  while (trip.reserve(MB));
  trip.returned(state.probes[0]!);
  expect(trip.reserve(MB)).toBe(false);
});

test("a node whose probes come back hears and is well", async () => {
  const { trip, state } = node({ answers: true });
  trip.start();
  await waitUntil("several probes went out", () => state.probes.length > 15);
  expect([trip.isReceiving, trip.health()]).toEqual([true, "ok"]);
  expect(state.reconnects).toBe(0);
});

test("a node whose probes do not come back connects anew, asks the others, and is away while nobody hears, deaf while they do", async () => {
  const { trip, state } = node();
  trip.start();
  await waitUntil("the silence is noticed", () => trip.health() === "away");
  expect(trip.isReceiving).toBe(false);
  expect(state.reconnects).toBeGreaterThan(0);
  expect(state.refreshes).toBeGreaterThan(0);
  state.othersHear = true;
  await waitUntil("the others have said for a while that they hear", () => trip.health() === "deaf");
  state.answers = true;
  await waitUntil("a probe came back", () => trip.health() === "ok");
});

test("a node that is alone asks nothing, and is well", async () => {
  const { trip, state } = node({ company: false, connected: false });
  trip.start();
  await Bun.sleep(50);
  expect(state.probes).toEqual([]);
  expect([trip.isReceiving, trip.health()]).toEqual([true, "ok"]);
});

import { afterEach, expect, test } from "bun:test";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { RoundTrip } from "./round-trip.ts";
import type { Wire } from "./wire.ts";

const MB = 1_048_576;
const running: RoundTrip[] = [];
afterEach(() => {
  for (const trip of running.splice(0)) trip.stop();
});

/** A node on a wire that this test answers for. */
function node({ company = true, othersHear = false, connected = true, answers = false } = {}) {
  const state = { company, othersHear, connected, answers, probes: [] as number[], reconnects: 0, refreshes: 0 };
  const trip: RoundTrip = new RoundTrip({
    wire: {
      connected: () => state.connected,
      silentAlone: true,
      reconnect: () => void state.reconnects++,
    } as unknown as Wire,
    send(number) {
      state.probes.push(number);
      if (state.answers) queueMicrotask(() => trip.returned(number));
    },
    hasCompany: () => state.company,
    othersHear: () => state.othersHear,
    refresh: () => void state.refreshes++,
    times: { every: 10, silence: 100 },
  });
  running.push(trip);
  return { trip, state };
}

test("what leaves is bounded by what has been proven to arrive, and a probe goes out with every two megabytes", () => {
  const { trip, state } = node();
  let sent = 0;
  while (trip.mayLeave(MB)) sent += 1;
  expect(sent).toBe(17);
  expect(state.probes.length).toBe(5);
  trip.returned(state.probes.at(-1)!);
  expect(trip.mayLeave(MB)).toBe(true);
});

test("an answer to no probe of ours, or to an old one, proves nothing more", () => {
  const { trip, state } = node();
  while (trip.mayLeave(MB));
  trip.returned(999);
  expect(trip.mayLeave(MB)).toBe(false);
  trip.returned(state.probes.at(-1)!);
  while (trip.mayLeave(MB));
  trip.returned(state.probes[0]!);
  expect(trip.mayLeave(MB)).toBe(false);
});

test("a node whose probes come back hears and is well", async () => {
  const { trip, state } = node({ answers: true });
  trip.start();
  await waitUntil("several probes went out", () => state.probes.length > 15);
  expect([trip.hears, trip.health()]).toEqual([true, "ok"]);
  expect(state.reconnects).toBe(0);
});

test("a node whose probes do not come back connects anew, asks the others, and is away while nobody hears, deaf while they do", async () => {
  const { trip, state } = node();
  trip.start();
  await waitUntil("the silence is noticed", () => trip.health() === "away");
  expect(trip.hears).toBe(false);
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
  expect([trip.hears, trip.health()]).toEqual([true, "ok"]);
});

import { expect, test } from "bun:test";
import { chooseSeed, seeded } from "../../../tests/support/seeded.ts";
import { createRateLimiter, type RateLimiter } from "./rate-limiter.ts";

/** What the network between the nodes does to messages. */
interface NetworkConditions {
  nodes: number;
  points: number;
  /** ms a message takes at most. */
  delay: number;
  /** Messages of a node in a row that are lost at most, and how often one is. */
  lostInRow: number;
  loss: number;
  /** Percentage of messages that come twice. */
  repeat: number;
}

const SECONDS = 10;
const FLUSH_MS = 20;

/** N counters, a messenger that loses and repeats, and a clock that the test moves. */
function start(conditions: NetworkConditions, random: ReturnType<typeof seeded>) {
  let now = 0;
  const timers: { at: number; run: () => void }[] = [];
  const later = (run: () => void, ms: number) => void timers.push({ at: now + ms, run });
  const handlers: ((payload: unknown, from: number) => void)[] = [];
  const lost = Array<number>(conditions.nodes).fill(0);
  const counters: RateLimiter[] = Array.from({ length: conditions.nodes }, (_, node) =>
    createRateLimiter(
      {
        points: conditions.points,
        seconds: SECONDS,
        shared: {
          name: "test",
          nodes: () => conditions.nodes,
          messenger: {
            on(_subject, handler) {
              handlers[node] = handler;
            },
            send(_subject, payload) {
              const text = JSON.stringify(payload);
              const loses = lost[node]! < conditions.lostInRow && random.int(0, 99) < conditions.loss;
              lost[node] = loses ? lost[node]! + 1 : 0;
              if (loses) return;
              const copies = random.int(0, 99) < conditions.repeat ? 2 : 1;
              for (let copy = 0; copy < copies; copy++)
                handlers.forEach((handle, to) => {
                  if (to !== node) later(() => handle(JSON.parse(text), node), random.int(0, conditions.delay));
                });
            },
          },
        },
      },
      { now: () => now, schedule: later },
    ),
  );
  return {
    counters,
    now: () => now,
    /** Moves the clock, and what is due on the way. */
    pass(ms: number) {
      const end = now + ms;
      for (;;) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.splice(timers.indexOf(due), 1);
        now = Math.max(now, due.at);
        due.run();
      }
      now = end;
    },
  };
}

function chooseConditions(random: ReturnType<typeof seeded>): NetworkConditions {
  const lossy = random.int(0, 1) === 1;
  return {
    nodes: random.int(2, 8),
    points: random.int(1, 20) * 50,
    delay: random.int(0, 300),
    lostInRow: lossy ? random.int(1, 3) : 0,
    loss: lossy ? 40 : 0,
    repeat: random.int(0, 30),
  };
}

test("all nodes together let through at most a tenth too much, another for each message lost in a row, and what is on the way", () => {
  const seed = chooseSeed("shared limits");
  for (let round = 0; round < 150; round++) {
    const random = seeded(seed + round);
    const conditions = chooseConditions(random);
    const { counters, pass, now } = start(conditions, random);
    const pause = random.int(1, 40);
    let allowed = 0;
    const uses: { at: number; node: number }[] = [];
    while (now() < SECONDS * 1_000 - pause) {
      const node = random.int(0, conditions.nodes - 1);
      if (counters[node]!("ann").allowed) {
        allowed++;
        uses.push({ at: now(), node });
      }
      pass(random.int(0, pause));
    }
    // The maximum that one node allowed in the time that a report takes.
    const onTheWay = Math.max(
      0,
      ...uses.map(
        ({ at, node }) =>
          uses.filter((use) => use.node === node && use.at >= at && use.at <= at + FLUSH_MS + conditions.delay).length,
      ),
    );
    const others = conditions.nodes - 1;
    const unreported = others * ((conditions.lostInRow + 1) * (Math.ceil(conditions.points / 10 / others) + onTheWay));
    expect({ seed: seed + round, conditions, tooMany: allowed > conditions.points + unreported }).toMatchObject({
      tooMany: false,
    });
  }
});

test("a client that stays a tenth below the limit, and another tenth for each message lost in a row, is never refused", () => {
  const seed = chooseSeed("shared limits, refusals");
  for (let round = 0; round < 60; round++) {
    const random = seeded(seed + round);
    const conditions = chooseConditions(random);
    const { counters, pass, now } = start(conditions, random);
    const pause = random.int(5, 60);
    const uses: number[] = [];
    const margin = (conditions.lostInRow + 1) * (Math.ceil(conditions.points / 10) + conditions.nodes - 1);
    const late = FLUSH_MS + conditions.delay;
    while (now() < SECONDS * 4_000) {
      pass(random.int(0, pause));
      const recent = uses.filter((at) => at > now() - SECONDS * 1_000 - late).length;
      if (recent + 1 > conditions.points - margin) continue;
      const { allowed } = counters[random.int(0, conditions.nodes - 1)]!("ann");
      if (!allowed) throw new Error(`refused at ${recent} uses: ${JSON.stringify({ seed: seed + round, conditions })}`);
      uses.push(now());
    }
  }
});

test("reports expire with their window: a limit recovers by itself, and keys are independent", () => {
  const conditions = { nodes: 2, points: 100, delay: 0, lostInRow: 0, loss: 0, repeat: 0 };
  const { counters, pass } = start(conditions, seeded(1));
  for (let i = 0; i < 100; i++) counters[0]!("ann");
  pass(FLUSH_MS);
  expect(counters[1]!("ann")).toEqual({ allowed: false, remaining: 0, retryAfter: 10 });
  expect(counters[1]!("bob")).toMatchObject({ allowed: true, remaining: 99 });
  pass(SECONDS * 1_000);
  expect(counters[1]!("ann")).toMatchObject({ allowed: true, remaining: 99 });
});

test("a node whose messages are all lost counts for itself", () => {
  const conditions = { nodes: 3, points: 30, delay: 0, lostInRow: Number.POSITIVE_INFINITY, loss: 100, repeat: 0 };
  const { counters, pass } = start(conditions, seeded(1));
  const allowed = counters.map(
    (count) => Array.from({ length: 50 }, () => count("ann").allowed).filter(Boolean).length,
  );
  pass(100);
  expect(allowed).toEqual([30, 30, 30]);
});

import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { chooseSeed, seeded } from "../support/seeded.ts";
import { testWith } from "../support/tools.ts";
import { audit, type Stretch } from "./audit.ts";
import { type BrokerKind, startCluster } from "./cluster.ts";
import { FAULTS } from "./faults.ts";
import { type Outcome, run } from "./run.ts";

/**
 * Three nodes, thousands of listeners, one fault after the other: nothing is lost, nothing comes twice, nothing out of order, and
 * a client that cannot continue is notified. `npm run sim -- cluster` runs it long; SIM_LISTENERS, SIM_RATE and SIM_ROUNDS change its size.
 */
const LISTENERS = Number(process.env.SIM_LISTENERS ?? 2_000);
const RATE = Number(process.env.SIM_RATE ?? 500);
const ROUNDS = Number(process.env.SIM_ROUNDS ?? 1);
const KICKS = 0.1;
const CHANNELS = 40;
/** Listeners that must be reset in their two rooms. No others may be: that would be a loss, only a reported one. */
const MISTAKEN = 3;

setDefaultTimeout(ROUNDS * 300_000);

const TOOL: Record<BrokerKind, string[]> = { redis: ["redis-server"], nats: ["nats-server"], postgres: [] };

interface Column {
  kind: BrokerKind;
  away: Outcome["away"];
  sum: string;
}
const columns: Column[] = [];
afterAll(() => console.log(`\n${table()}`));

for (const kind of ["redis", "nats", "postgres"] as const) {
  testWith(...TOOL[kind])(`${kind}: nothing is lost, repeated or out of order, whatever fails`, async () => {
    const seed = chooseSeed(`cluster ${kind}`);
    const possible = FAULTS.filter(({ toBroker }) => kind !== "postgres" || !toBroker);
    const faults = Array.from({ length: ROUNDS }, () => possible).flat();
    const cluster = await startCluster(kind);
    try {
      const load = {
        listeners: LISTENERS,
        channels: CHANNELS,
        rate: RATE,
        kicks: KICKS,
        mistaken: MISTAKEN,
        seed: seeded(seed),
      };
      const outcome = await run(cluster, faults, load);
      report(kind, outcome);
      expect(outcome.audit.faults).toEqual([]);
      expect(outcome.audit.resets).toBe(MISTAKEN * 2);
      const killed = outcome.away.filter(({ fault }) => fault.includes("of a node"));
      expect(Math.max(...killed.map(({ seconds }) => seconds))).toBeLessThanOrEqual(10);
      proveAudit(outcome);
    } finally {
      await cluster.end();
    }
  });
}

function report(kind: BrokerKind, { away, audit: found, posts }: Outcome): void {
  const { deliveries, lost, repeated, disordered, wrong, resets } = found;
  const sum = `${posts} posts, ${deliveries} deliveries: ${lost} lost, ${repeated} twice, ${disordered} out of order`;
  console.log(`\n${kind}: ${sum}, ${wrong} wrong; ${resets} reset`);
  columns.push({ kind, away, sum });
}

/** The table of docs/performance.md: of each fault the longest time until a client was live again, in all rounds. */
function table(): string {
  const longest = ({ away }: Column, name: string) => {
    const times = away.filter(({ fault }) => fault === name).map(({ seconds }) => seconds);
    return times.length === 0 ? "–" : `${Math.max(...times).toFixed(1)} s`;
  };
  const row = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [
    row(["what happened", ...columns.map(({ kind }) => kind)]),
    row(["---", ...columns.map(() => "---")]),
    ...FAULTS.map(({ name }) => row([name, ...columns.map((one) => longest(one, name))])),
    row(["total", ...columns.map(({ sum }) => sum)]),
  ].join("\n");
}

/** That nothing was found means something only if something can be found, in this very evidence. */
function proveAudit({ views, truth }: Outcome): void {
  const stretch = views.flatMap(({ stretches }) => stretches).reduce((a, b) => (a.seqs.length > b.seqs.length ? a : b));
  const middle = stretch.seqs.length >> 1;
  const plants: Record<string, (list: number[]) => unknown> = {
    lost: (list) => list.splice(middle, 1),
    disordered: (list) => list.splice(middle, 2, list[middle + 1]!, list[middle]!),
    repeated: (list) => list.splice(middle, 0, list[middle]!),
  };
  for (const [kind, plant] of Object.entries(plants)) {
    const whole = { seqs: [...stretch.seqs], marks: [...stretch.marks] } satisfies Partial<Stretch>;
    plant(stretch.seqs);
    plant(stretch.marks);
    expect([kind, audit(views, truth)[kind as "lost"]]).not.toEqual([kind, 0]);
    Object.assign(stretch, whole);
  }
}

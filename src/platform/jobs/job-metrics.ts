import { Counter, Gauge, type Registry } from "prom-client";
import type { Sql } from "../postgres/sql.ts";

const OUTCOMES = ["completed", "retried", "dead"] as const;

/** Jobs at this moment, of all nodes. `age`: seconds since the oldest of those that wait was due. */
export interface JobCounts {
  waiting: number;
  running: number;
  dead: number;
  age: number;
}

export interface JobMetrics {
  /** A run on this node ended. */
  ended(outcome: (typeof OUTCOMES)[number]): void;
}

/** The `usher_job…` metrics. @param read at each scrape; a failure leaves the last value */
export function createJobMetrics(registry: Registry, read: () => Promise<JobCounts>): JobMetrics {
  const registers = [registry];
  const runs = new Counter({
    name: "usher_job_runs_total",
    help: "Runs of jobs on this node that ended, by outcome; dead: it failed in all its attempts.",
    labelNames: ["outcome"],
    registers,
  });
  for (const outcome of OUTCOMES) runs.inc({ outcome }, 0);
  const age = new Gauge({
    name: "usher_jobs_age_seconds",
    help: "How long the oldest job has waited since it was due.",
    aggregator: "max",
    registers,
  });
  new Gauge({
    name: "usher_jobs",
    help: "Jobs of all nodes: due and waiting, running, dead letters.",
    labelNames: ["state"],
    aggregator: "max", // every process reads the same database
    registers,
    async collect() {
      const found = await read().catch(() => null);
      if (found === null) return;
      for (const state of ["waiting", "running", "dead"] as const) this.set({ state }, found[state]);
      age.set(found.age);
    },
  });
  return { ended: (outcome) => runs.inc({ outcome }) };
}

/** What the gauges show; pg-boss's own queues are left out. */
export async function countJobs(sql: Sql): Promise<JobCounts> {
  const [row] = await sql<{ waiting: number; running: number; dead: number; age: number }[]>`
    SELECT count(*) FILTER (WHERE state < 'active' AND start_after <= now() AND name <> 'dead-letters')::int AS waiting,
      count(*) FILTER (WHERE state = 'active')::int AS running,
      count(*) FILTER (WHERE state < 'active' AND name = 'dead-letters')::int AS dead,
      coalesce(extract(epoch FROM now() - min(start_after) FILTER (
        WHERE state < 'active' AND start_after <= now() AND name <> 'dead-letters')), 0)::float8 AS age
    FROM pgboss.job WHERE state <= 'active' AND name NOT LIKE '\_\_pgboss%'`;
  return row!;
}

import { createJobs, type Jobs } from "../../src/platform/jobs/jobs.ts";
import { createLogger } from "../../src/platform/logger.ts";
import { createTransaction, type Transaction } from "../../src/platform/postgres/transaction.ts";
import { type LogNode, startLogNode } from "./log-node.ts";

declare module "../../src/platform/jobs/job-names.ts" {
  interface JobPayloads {
    "test-note": { n: number };
    "test-fail": { n: number };
    "test-hang": { n: number };
    "test-cron": null;
  }
}

/** The parts of a node that have to do with jobs. */
export interface JobNode {
  log: LogNode;
  jobs: Jobs;
  transaction: Transaction;
  /** Lines of the log. */
  lines: Record<string, unknown>[];
  /** Runs that ended, by outcome. */
  ended: string[];
  stop(): Promise<void>;
}

/** Heartbeats as short as pg-boss takes them, and quick retries. */
const TIMES = { heartbeat: 10, supervise: 2, poll: 1, pollOfCron: 1, firstRetry: 1 };

/** @param define names the node's jobs; @param runs false: it only adds them */
export async function startJobNode(url: string, define: (jobs: Jobs) => void, runs = true): Promise<JobNode> {
  const log = await startLogNode(url);
  const lines: Record<string, unknown>[] = [];
  const ended: string[] = [];
  const jobs = createJobs({
    databaseUrl: url,
    logger: createLogger({ LOG_LEVEL: "info", LOG_FORMAT: "json" }, { write: (line) => lines.push(JSON.parse(line)) }),
    metrics: { ended: (outcome) => ended.push(outcome) },
    onError: (error) => void Promise.reject(error),
    times: TIMES,
  });
  define(jobs);
  await jobs.start(runs);
  const transaction = createTransaction({ sql: log.sql, ids: log.ids, publish: () => {}, jobs });
  return {
    log,
    jobs,
    transaction,
    lines,
    ended,
    async stop() {
      await jobs.stop();
      await log.stop();
    },
  };
}

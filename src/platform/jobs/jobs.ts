import { type JobResult, type JobWithMetadata, PgBoss, type Queue } from "pg-boss";
import type { Logger } from "../logger.ts";
import { addServerLimits } from "../postgres/pool.ts";
import type { ISql } from "../postgres/sql.ts";
import type { JobMetrics } from "./job-metrics.ts";
import type { JobName, JobOptions, JobPayloads } from "./job-names.ts";

/** What a job does. It may run twice, and on two nodes at once when one of them was frozen: it must be safe to repeat. */
export interface JobDefinition<N extends JobName> {
  /** @param signal aborted when the node stops; what has not ended a moment later is run again elsewhere */
  run(payload: JobPayloads[N], signal: AbortSignal): Promise<unknown>;
  /** Jobs of this name that one node takes and runs at the same time, the next when all of them have ended; 20 if not said. */
  concurrency?: number;
  /** Also runs by the clock, in UTC, once for all nodes: minute, hour, day of the month, month, day of the week. */
  cron?: string;
}

export interface Jobs {
  /** Names what is run for a job; before `start`, on every node: a job can be added by nodes that run none. */
  define<N extends JobName>(name: N, definition: JobDefinition<N>): void;
  /** Adds a job by a statement of the caller's transaction. Call `wake` when that is committed. */
  enqueue<N extends JobName>(tx: ISql, name: N, payload: JobPayloads[N], options?: JobOptions): Promise<void>;
  /** Jobs of these names may be due: those that this node runs are looked for now, not at the next poll. */
  wake(names: readonly string[]): void;
  /** @param runs whether this node runs jobs, or only adds them */
  start(runs: boolean): Promise<void>;
  /** Jobs that run get 3 s; what has not ended is run again by another node. */
  stop(): Promise<void>;
}

/** In seconds. A node that sends no heartbeat for a job any more is dead: its job is run again, by the next supervision at the latest. */
const TIMES = { heartbeat: 30, supervise: 10, poll: 2, pollOfCron: 10, firstRetry: 5 };
const ATTEMPTS = 10;
const CONCURRENCY = 20;
/** The back-off doubles up to this, in seconds. */
const LONGEST_RETRY = 900;
/** Longest run of a job, in seconds, heartbeats or not. */
const LONGEST_RUN = 3_600;
/** A job that has ended is shown so long, in seconds. */
const KEPT = 3_600;
const DEAD_KEPT = 30 * 86_400;
const STOP_MS = 3_000;
/** Where jobs are copied to that failed in all attempts. */
export const DEAD_LETTERS = "dead-letters";
/** Each job of cron also runs so soon after a start, in seconds: an earlier release may have left work to be done. */
const FIRST_CRON = 10;

export interface JobDeps {
  databaseUrl: string;
  logger: Logger;
  metrics: JobMetrics;
  onError: (error: unknown) => void;
  /** Shorter ones, for tests. */
  times?: typeof TIMES;
}

/** Jobs in PostgreSQL by pg-boss (docs/adr/0015-pg-boss-for-jobs.md), on two connections of its own. */
export function createJobs({ databaseUrl, logger, metrics, onError, times = TIMES }: JobDeps): Jobs {
  const definitions = new Map<JobName, JobDefinition<JobName>>();
  const workers = new Map<string, string>();
  let boss: PgBoss | null = null;

  async function run(
    name: JobName,
    definition: JobDefinition<JobName>,
    job: JobWithMetadata<unknown>,
  ): Promise<JobResult> {
    try {
      await definition.run(job.data as JobPayloads[JobName], job.signal);
      metrics.ended("completed");
      return { id: job.id, status: "completed" };
    } catch (error) {
      const isLast = job.retryCount >= job.retryLimit;
      metrics.ended(isLast ? "dead" : "retried");
      logger.error(
        { err: error, job: name, id: job.id, attempt: job.retryCount + 1, attempts: job.retryLimit + 1 },
        isLast ? "a job failed in all its attempts and is a dead letter" : "a job failed; it is tried again",
      );
      return {
        id: job.id,
        status: "failed",
        output: { message: error instanceof Error ? error.message : String(error) },
      };
    }
  }

  async function startWorker(boss: PgBoss, name: JobName, definition: JobDefinition<JobName>): Promise<void> {
    const options = {
      includeMetadata: true,
      // A worker waits for the next poll after each fetch, unless that was full.
      batchSize: definition.cron === undefined ? (definition.concurrency ?? CONCURRENCY) : 1,
      burstWhenBatchFull: true,
      perJobResults: true,
      pollingIntervalSeconds: definition.cron === undefined ? times.poll : times.pollOfCron,
    } as const;
    workers.set(
      name,
      await boss.work(name, options, (jobs: JobWithMetadata<unknown>[]) =>
        Promise.all(jobs.map((job) => run(name, definition, job))),
      ),
    );
    if (definition.cron === undefined) return;
    await boss.schedule(name, definition.cron);
    await boss.send(name, null, { startAfter: FIRST_CRON });
  }

  return {
    define(name, definition) {
      definitions.set(name, definition as unknown as JobDefinition<JobName>);
    },
    async enqueue(tx, name, payload, { key = crypto.randomUUID(), runAt, attempts = ATTEMPTS } = {}) {
      if (boss === null) throw new Error("Jobs can be added when they have been started.");
      await boss.send(name, payload, {
        singletonKey: key,
        retryLimit: attempts - 1,
        ...(runAt === undefined ? {} : { startAfter: runAt }),
        db: { executeSql: async (text, values) => ({ rows: [...(await tx.query(text, values))] }) },
      });
    },
    wake(names) {
      for (const name of names) {
        const worker = workers.get(name);
        if (worker !== undefined) boss?.notifyWorker(worker);
      }
    },
    async start(runs) {
      boss = new PgBoss({
        connectionString: addServerLimits(databaseUrl, 30_000),
        application_name: "usher jobs",
        max: 2,
        supervise: runs,
        schedule: runs,
        superviseIntervalSeconds: times.supervise,
        monitorIntervalSeconds: times.supervise,
        reindex: false,
      });
      boss.on("error", onError);
      await boss.start();
      await boss.createQueue(DEAD_LETTERS, { retentionSeconds: DEAD_KEPT });
      for (const name of definitions.keys()) await boss.createQueue(name, queueOptions(times));
      if (!runs) return;
      for (const [name, definition] of definitions) await startWorker(boss, name, definition);
    },
    async stop() {
      await boss?.stop({ graceful: true, timeout: STOP_MS });
    },
  };
}

/** Policy `short`: of each key one job waits. Those without a key get one of their own; a job of cron has the empty one, so runs never pile up. */
function queueOptions(times: typeof TIMES): Omit<Queue, "name"> {
  return {
    policy: "short",
    deadLetter: DEAD_LETTERS,
    retryLimit: ATTEMPTS - 1,
    retryDelay: times.firstRetry,
    retryBackoff: true,
    retryDelayMax: LONGEST_RETRY,
    heartbeatSeconds: times.heartbeat,
    expireInSeconds: LONGEST_RUN,
    deleteAfterSeconds: KEPT,
  };
}

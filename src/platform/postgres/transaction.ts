import { setTimeout as sleep } from "node:timers/promises";
import { currentSpan, withSpan } from "../context.ts";
import type { JobName, JobOptions, JobPayloads } from "../jobs/job-names.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { append } from "../log/append.ts";
import type { LogEntry, NewEntry, Publish } from "../log/entry.ts";
import type { Ids } from "../nodes/ids.ts";
import { isRetryable, toAppError } from "./database-errors.ts";
import type { Sql, TransactionSql } from "./sql.ts";

/** The actor of a change and the reason: goes into each entry's `meta`, never to clients. */
export interface Actor {
  actor: string;
  reason?: string;
}

export interface Tx {
  /** Statements of this transaction, READ COMMITTED. No savepoints: an entry collected inside one would outlive its rollback. */
  sql: TransactionSql;
  /**
   * Collects an entry. All are appended in one call, the last statement before COMMIT, rooms in id order.
   * `by`: the actor of this one, in a transaction of several people's changes.
   */
  log(room: string, type: string, payload: Record<string, unknown>, by?: Actor): void;
  /** Collects a job: it is added before COMMIT, with the state rows or not at all, and looked for at once after it. */
  job<N extends JobName>(name: N, payload: JobPayloads[N], options?: JobOptions): void;
}

/** Where jobs are added; null: there are none. */
export type JobQueue = Pick<Jobs, "enqueue"> & {
  /** Tells this node and the others that jobs of these names are committed. */
  wake(names: readonly JobName[]): void;
};

/**
 * One transaction: state rows and log rows together, or neither. After COMMIT the entries are handed to fan-out,
 * so no publish can be forgotten. Made once in app.ts by `createTransaction`.
 *
 * After a deadlock `work` runs again from the start (at most twice more), so it must change nothing but the database.
 * A database that is unavailable becomes AppError `unavailable`; the outcome is then unknown.
 */
export type Transaction = <T>(actor: Actor, work: (tx: Tx) => Promise<T>) => Promise<T>;

const MAX_TRIES = 3;

export function createTransaction({
  sql,
  ids,
  publish,
  jobs = null,
}: {
  sql: Sql;
  ids: Ids;
  publish: Publish;
  jobs?: JobQueue | null;
}): Transaction {
  return async function transaction(actor, work) {
    return withSpan("transaction", async (span) => {
      const buildMeta = ({ actor: actorId, reason }: Actor) =>
        JSON.stringify({ actor: actorId, reason, traceparent: span?.traceparent });
      const meta = buildMeta(actor);
      const began = performance.now();
      const { result, entries, names } = await withRetries(() =>
        runOnce({ sql, ids, jobs }, (by) => (by === undefined ? meta : buildMeta(by)), work),
      );
      if (entries.length > 0) publish(entries, performance.now() - began);
      if (names.length > 0) jobs?.wake(names);
      return result;
    });
  };
}

async function withRetries<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === MAX_TRIES || !isRetryable(error)) throw toAppError(error);
      await sleep(Math.random() * 20 * attempt); // the other transaction of the deadlock gets time to finish
    }
  }
}

interface TransactionDeps {
  sql: Sql;
  ids: Ids;
  jobs: JobQueue | null;
}

interface NewJob<N extends JobName = JobName> {
  name: N;
  payload: JobPayloads[N];
  options: JobOptions | undefined;
}

async function runOnce<T>(
  { sql, ids, jobs }: TransactionDeps,
  buildMeta: (by?: Actor) => string,
  work: (tx: Tx) => Promise<T>,
) {
  let result!: T;
  let entries: LogEntry[] = [];
  let names: JobName[] = [];
  await sql.begin("isolation level read committed", async (tx) => {
    const collected: NewEntry[] = [];
    const newJobs: NewJob[] = [];
    let open = true;
    result = await work({
      sql: tx,
      log(room, type, payload, by) {
        if (!open)
          throw new Error(`An entry for ${room} came after its transaction had ended; await all work inside it.`);
        collected.push({ room, type, payload: JSON.stringify(payload), meta: buildMeta(by) });
      },
      job(name, payload, options) {
        if (!open) throw new Error(`The job ${name} came after its transaction had ended; await all work inside it.`);
        newJobs.push({ name, payload, options });
      },
    });
    open = false;
    if (newJobs.length > 0) await enqueueAll(tx, jobs, newJobs);
    names = [...new Set(newJobs.map(({ name }) => name))];
    const trace = currentSpan()?.traceparent;
    entries = await withSpan("log append", () => append(tx, ids, collected));
    if (trace !== undefined) entries = entries.map((entry) => ({ ...entry, trace }));
  });
  return { result, entries, names };
}

async function enqueueAll(tx: TransactionSql, jobs: JobQueue | null, newJobs: readonly NewJob[]): Promise<void> {
  if (jobs === null) throw new Error("There is no queue for jobs here.");
  for (const { name, payload, options } of newJobs) await jobs.enqueue(tx, name, payload, options);
}

import { backoffMs, MAX_BACKOFF_MS } from "../log/backoff.ts";
import { isUnavailable } from "../postgres/database-errors.ts";
import type { ISql, Sql } from "../postgres/sql.ts";
import type { Signal } from "../signal.ts";
import { createAttempts } from "./attempts.ts";
import { type ConsumerEntry, DEFAULTS, RetryLater, type StoredConsumer } from "./consumer.ts";
import type { ConsumerLeases } from "./leases.ts";
import { insertParked, type Parked } from "./parked.ts";
import { loadPosition, movePosition, type Position, PositionConflict } from "./position.ts";
import { readBatch } from "./read-batch.ts";

interface RunDeps {
  sql: Sql;
  leases: Pick<ConsumerLeases, "get" | "refresh">;
  /** The newest checkpoint of the log; `generation` changes when the log went back in time. */
  newest: () => { checkpoint: number; generation: number };
  /** Notified at each new checkpoint, and when the lease is taken or lost, or the consumer was paused, resumed or moved. */
  signal: Signal;
  /** Of this consumer alone: what others commit meanwhile must not end it. */
  backoff: Signal;
  isStopped: () => boolean;
  onError: (error: unknown) => void;
  onParked: (parked: Parked) => void;
}

interface Batch {
  entries: readonly ConsumerEntry[];
  from: Position;
  next: Position;
}

/** Pause when another process had the batch: a node of the release before, or one whose lease ended while it was stalled. */
const CONFLICT_MS = 1_000;

/** A handler failed. */
class HandlerError extends Error {
  readonly batch: Batch;

  constructor(batch: Batch, cause: unknown) {
    super("The handler of a log consumer failed.", { cause });
    this.batch = batch;
  }
}

/** Runs a stored consumer while this process has its lease. Resolves when it is stopped and the handler has returned. */
export async function runConsumer(consumer: StoredConsumer, deps: RunDeps): Promise<void> {
  const { sql, leases, newest, signal, backoff, isStopped, onError, onParked } = deps;
  const { name, filter = {}, maxBytes, ...limits } = { ...DEFAULTS, ...consumer };
  const attempts = createAttempts(limits);
  /** Null: it must be read again. */
  let position: Position | null = null;
  let generation = newest().generation;
  let version = 0;
  while (!isStopped()) {
    try {
      const owned = leases.get(name);
      if (!owned?.runs) {
        position = null;
        await signal.wait(MAX_BACKOFF_MS);
      } else if (position === null || generation !== newest().generation || version !== owned.version) {
        generation = newest().generation;
        version = owned.version;
        position = await loadPosition(sql, name);
        if (position === null) throw new Error(`The log consumer ${name} has no position any more: it was removed.`);
      } else if (position.within === null && newest().checkpoint <= position.checkpoint) {
        await signal.wait(MAX_BACKOFF_MS);
      } else {
        const read = await readBatch(sql, position, { name, filter, maxBytes, maxRows: attempts.maxRows() });
        if (read.version !== version) {
          position = null; // it was paused or moved
          await leases.refresh();
          continue;
        }
        if (read.next !== position) await handle({ ...read, from: position });
        position = read.next;
        attempts.succeed();
      }
    } catch (error) {
      position = null; // the handler may have moved it, or another process has
      await recover(error).catch(onError);
    }
  }

  async function handle(batch: Batch): Promise<void> {
    const { entries, from, next } = batch;
    let isMoved = false;
    const advance = async (tx: ISql) => {
      await movePosition(tx, name, from, next);
      isMoved = true;
    };
    if (entries.length > 0) {
      await consumer.handle({ entries, advance }).catch((error) => {
        throw new HandlerError(batch, error);
      });
    }
    if (!isMoved) await advance(sql);
  }

  async function recover(error: unknown): Promise<void> {
    const cause = error instanceof HandlerError ? error.cause : error;
    if (cause instanceof PositionConflict) {
      if (!isStopped()) await backoff.wait(CONFLICT_MS);
      return;
    }
    onError(cause);
    if (error instanceof HandlerError && !isUnavailable(cause) && !(cause instanceof RetryLater)) {
      const tried = attempts.fail(error.batch.entries.length);
      if (tried !== null) return park(error.batch, tried, cause);
    } else attempts.postpone();
    if (!isStopped()) await backoff.wait(backoffMs(Math.max(0, attempts.failures() - 1)));
  }

  /** Goes on after a batch of one entry. */
  async function park({ entries, from, next }: Batch, tried: number, error: unknown): Promise<void> {
    const parked: Parked = { entry: entries[0]!, attempts: tried, error };
    await sql.begin(async (tx) => {
      await movePosition(tx, name, from, next);
      await insertParked(tx, name, parked);
    });
    attempts.succeed();
    onParked(parked);
  }
}

import { backoffMs, MAX_BACKOFF_MS } from "../log/backoff.ts";
import type { ISql, Sql } from "../postgres/sql.ts";
import type { Signal } from "../signal.ts";
import { type ConsumerBatch, DEFAULT_BOUNDS, type StoredConsumer } from "./consumer.ts";
import type { ConsumerLeases } from "./leases.ts";
import { loadPosition, movePosition, type Position, PositionConflict } from "./position.ts";
import { readBatch } from "./read-batch.ts";

interface RunDeps {
  sql: Sql;
  leases: Pick<ConsumerLeases, "isHeld">;
  /** The newest checkpoint of the log; `generation` changes when the log went back in time. */
  newest: () => { checkpoint: number; generation: number };
  /** Notified at each new checkpoint, and when the lease is taken or lost. */
  signal: Signal;
  /** Of this consumer alone: what others commit meanwhile must not end it. */
  backoff: Signal;
  isStopped: () => boolean;
  onError: (error: unknown) => void;
}

/** Pause when another process had the batch: a node of the release before, or one whose lease ended while it was stalled. */
const CONFLICT_MS = 1_000;

/** Runs a stored consumer while this process has its lease. Resolves when it is stopped and the handler has returned. */
export async function runConsumer(consumer: StoredConsumer, deps: RunDeps): Promise<void> {
  const { sql, leases, newest, signal, backoff, isStopped, onError } = deps;
  const { name, filter = {}, maxRows, maxBytes } = { ...DEFAULT_BOUNDS, ...consumer };
  /** Null: it must be read again. */
  let position: Position | null = null;
  let generation = newest().generation;
  let failures = 0;
  while (!isStopped()) {
    try {
      if (!leases.isHeld(name)) {
        position = null;
        await signal.wait(MAX_BACKOFF_MS);
        continue;
      }
      if (position === null || generation !== newest().generation) {
        generation = newest().generation;
        position = await loadPosition(sql, name);
        if (position === null) throw new Error(`The log consumer ${name} has no position any more: it was removed.`);
        continue;
      }
      if (position.within === null && newest().checkpoint <= position.checkpoint) {
        await signal.wait(MAX_BACKOFF_MS);
        continue;
      }
      position = await consumeBatch(position);
      failures = 0;
    } catch (error) {
      position = null; // the handler may have moved it, or another process has
      if (error instanceof PositionConflict) {
        if (!isStopped()) await backoff.wait(CONFLICT_MS);
        continue;
      }
      onError(error);
      if (!isStopped()) await backoff.wait(backoffMs(failures++));
    }
  }

  async function consumeBatch(from: Position): Promise<Position> {
    const { entries, next } = await readBatch(sql, from, { filter, maxRows, maxBytes });
    if (next === from) return from;
    let isMoved = false;
    const advance = async (tx: ISql) => {
      await movePosition(tx, name, from, next);
      isMoved = true;
    };
    const batch: ConsumerBatch = { entries, advance };
    if (entries.length > 0) await consumer.handle(batch);
    if (!isMoved) await advance(sql);
    return next;
  }
}

import { withBatchSpan, withSpan } from "../platform/context.ts";
import { AppError } from "../platform/errors.ts";
import type { Attempt } from "../platform/idempotency-keys.ts";
import { appendBatch } from "../platform/log/append.ts";
import { type LogEntry, type NewEntry, withTraceparent } from "../platform/log/entry.ts";
import { createBatcher, withLockTimeout } from "../platform/postgres/batcher.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Span } from "../platform/tracing.ts";
import type { ServerApiDeps } from "./index.ts";
import { isAppended } from "./store/idempotency-mark.ts";

/**
 * Appends an entry to its room's log and publishes it, unless an attempt with the same Idempotency-Key has appended it before: its
 * node died, or lost the commit's response. Resolves when it is committed; with null when it was before. Throws `unavailable`.
 *
 * @param attempt whose mark is in the entry's `meta`
 */
export type IdempotentAppend = (entry: NewEntry, attempt?: Attempt) => Promise<LogEntry | null>;

type EntryWithSpan = NewEntry & { span: Span | null };

/**
 * Group commit of services' entries: one batch in flight, one statement and one commit for all of it. The entries of one room
 * keep their order; a locked room is written separately.
 */
export function createIdempotentAppend({
  sql,
  batchSql,
  ids,
  publish,
}: Pick<ServerApiDeps, "sql" | "batchSql" | "ids" | "publish">): IdempotentAppend {
  const batcher = createBatcher<EntryWithSpan, LogEntry | null>({
    run: (batch) => withLockTimeout((waitMs) => write(batchSql, batch, waitMs)),
    perKey: {
      key: ({ room }) => room,
      run: (batch) => write(sql, batch, null),
      isLocked: (appended) => appended === null,
    },
    // The calls that come in one chunk by gRPC are handled one after the other, each in several steps.
    schedule: setImmediate,
  });

  /** Null: not appended, its room is locked by another transaction. */
  async function write(db: Sql, batch: readonly EntryWithSpan[], waitMs: number | null): Promise<(LogEntry | null)[]> {
    const startedAt = performance.now();
    const spans = batch.map(({ span }) => span);
    const appended = await withBatchSpan("log append", spans, () => appendBatch(db, ids, batch, waitMs));
    const traced = appended.map((entry, i) => {
      const trace = spans[i]?.traceparent;
      return trace === undefined || entry === null ? entry : { ...entry, trace };
    });
    publish(
      traced.filter((entry) => entry !== null),
      performance.now() - startedAt,
    );
    return traced;
  }

  return async (entry, attempt) => {
    if (attempt?.isRetry && (await wasAppended(sql, entry.room, attempt.mark))) return null;
    return withSpan("log write", (span) => batcher.add({ ...entry, meta: withTraceparent(span, entry.meta), span }));
  };
}

/** Fails with a cause that is no refusal: the key must not be released as if nothing had been appended. */
async function wasAppended(sql: Sql, room: string, mark: string): Promise<boolean> {
  try {
    return await isAppended(sql, room, mark);
  } catch (error) {
    const unavailable = new AppError(
      "unavailable",
      "Whether this was stored before cannot be read right now. Try again soon.",
    );
    unavailable.cause = new Error("an earlier attempt may have been stored", { cause: error });
    throw unavailable;
  }
}

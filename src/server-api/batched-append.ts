import { withBatchSpan, withSpan } from "../platform/context.ts";
import { append, appendUnlocked } from "../platform/log/append.ts";
import { type LogEntry, type NewEntry, withTraceparent } from "../platform/log/entry.ts";
import type { Publish } from "../platform/log/publish.ts";
import { createBatcher } from "../platform/postgres/batcher.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Span } from "../platform/tracing.ts";

/** Appends an entry to its room's log and publishes it; resolves when it is committed. Throws `unavailable`. */
export type BatchedAppend = (entry: NewEntry) => Promise<LogEntry>;

type EntryWithSpan = NewEntry & { span: Span | null };

/**
 * Group commit of services' entries: one batch in flight, one statement and one commit for all of it. The entries of one room
 * keep their order; a locked room is written separately.
 *
 * @param batchSql runs one statement at a time
 */
export function createBatchedAppend({
  sql,
  batchSql,
  ids,
  publish,
}: {
  sql: Sql;
  batchSql: Sql;
  ids: { next(): string };
  publish: Publish;
}): BatchedAppend {
  /** Null: not appended, its room is locked by another transaction. */
  async function write(
    appendTo: typeof appendUnlocked,
    db: Sql,
    entries: readonly EntryWithSpan[],
  ): Promise<(LogEntry | null)[]> {
    const startedAt = performance.now();
    const spans = entries.map(({ span }) => span);
    const appended = await withBatchSpan("log append", spans, () => appendTo(db, ids, entries));
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

  const batcher = createBatcher<EntryWithSpan, LogEntry | null>({
    run: (batch) => write(appendUnlocked, batchSql, batch),
    perKey: {
      key: ({ room }) => room,
      run: (batch) => write(append, sql, batch),
      isLocked: (appended) => appended === null,
    },
  });
  return (entry) =>
    withSpan("log write", async (span) => {
      const appended = await batcher.add({ ...entry, meta: withTraceparent(span, entry.meta), span });
      return appended!;
    });
}

import { spanned, spannedTogether } from "../platform/context.ts";
import { append } from "../platform/log/append.ts";
import { type LogEntry, type NewEntry, traceMeta } from "../platform/log/entry.ts";
import type { Publish } from "../platform/log/publish.ts";
import { createBatcher } from "../platform/postgres/batcher.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Span } from "../platform/tracing.ts";

/** Appends an entry to its room's log and shows it; resolves when it is committed. Throws `unavailable`. */
export type Keep = (entry: NewEntry) => Promise<LogEntry>;

type Traced = NewEntry & { span: Span | null };

/**
 * What services say, written in groups: one batch in flight, one statement and one commit for all of it. What is said to one room
 * keeps its order; a room that somebody holds is written apart.
 *
 * @param batchSql of which one statement at a time is under way
 */
export function createKeep({
  sql,
  batchSql,
  ids,
  publish,
}: {
  sql: Sql;
  batchSql: Sql;
  ids: { next(): string };
  publish: Publish;
}): Keep {
  async function write(db: Sql, entries: readonly Traced[]): Promise<LogEntry[]> {
    const began = performance.now();
    const spans = entries.map(({ span }) => span);
    const appended = await spannedTogether("log append", spans, () => append(db, ids, entries));
    const kept = appended.map((entry, i) => {
      const trace = spans[i]?.traceparent;
      return trace === undefined ? entry : { ...entry, trace };
    });
    publish(kept, performance.now() - began);
    return kept;
  }

  const batcher = createBatcher<Traced, LogEntry>({
    run: (batch) => write(batchSql, batch),
    apart: { key: ({ room }) => room, run: (batch) => write(sql, batch) },
  });
  return (entry) => spanned("log write", (span) => batcher.add({ ...entry, meta: traceMeta(span, entry.meta), span }));
}

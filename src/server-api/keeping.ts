import { append } from "../platform/log/append.ts";
import type { LogEntry, NewEntry } from "../platform/log/entry.ts";
import type { Publish } from "../platform/log/publish.ts";
import { createBatcher } from "../platform/postgres/batcher.ts";
import type { Sql } from "../platform/postgres/sql.ts";

/** Appends an entry to its room's log and shows it; resolves when it is committed. Throws `unavailable`. */
export type Keep = (entry: NewEntry) => Promise<LogEntry>;

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
  async function write(db: Sql, entries: readonly NewEntry[]): Promise<LogEntry[]> {
    const began = performance.now();
    const kept = await append(db, ids, entries);
    publish(kept, performance.now() - began);
    return kept;
  }

  const batcher = createBatcher<NewEntry, LogEntry>({
    run: (batch) => write(batchSql, batch),
    apart: { key: ({ room }) => room, run: (batch) => write(sql, batch) },
  });
  return (entry) => batcher.add(entry);
}

import type { Ids } from "../nodes/ids.ts";
import type { ISql, TransactionSql } from "../postgres/sql.ts";
import type { LogEntry, NewEntry } from "./entry.ts";

/**
 * Appends entries inside the caller's transaction and returns them with their seqs, in the order given.
 * The log has three writers: `transaction()`, which alone calls this, once, as the last statement before COMMIT, because rooms stay locked
 * until then; the batches of notices and broadcasts (`appendBatch`); and `post_messages` in SQL, for chat.
 */
export async function append(sql: TransactionSql, ids: Ids, entries: readonly NewEntry[]): Promise<LogEntry[]> {
  const appended = await appendBatch(sql, ids, entries, null);
  return appended.map((entry) => entry!);
}

/**
 * The same as a transaction of its own.
 *
 * @param waitMs ms after which it fails with 55P03, when another transaction has locked a room; with 0 it does not wait, and writes
 *   and returns null for the entries of locked rooms; null: it waits
 */
export async function appendBatch(
  sql: ISql,
  ids: Ids,
  entries: readonly NewEntry[],
  waitMs: number | null,
): Promise<(LogEntry | null)[]> {
  if (entries.length === 0) return [];
  const newIds = new Map(entries.map(({ room }) => [room, ""]));
  for (const room of newIds.keys()) newIds.set(room, ids.next());
  const rows = await sql<{ n: number; seq: number }[]>`
    SELECT n, seq::float8 FROM log_append(
      ${entries.map((e) => e.room)}::text[], ${entries.map((e) => newIds.get(e.room)!)}::bigint[],
      ${entries.map((e) => e.type)}::text[], ${entries.map((e) => e.payload)}::text[], ${entries.map((e) => e.meta)}::text[],
      ${waitMs}::int)`;
  const appended: (LogEntry | null)[] = entries.map(() => null);
  for (const { n, seq } of rows) {
    const { room, type, payload } = entries[n - 1]!;
    appended[n - 1] = { room, seq, type, payload };
  }
  return appended;
}

import type { Ids } from "../nodes/ids.ts";
import { waitShortly } from "../postgres/short-wait.ts";
import type { ISql, Sql, TransactionSql } from "../postgres/sql.ts";
import type { LogEntry, NewEntry } from "./entry.ts";

/**
 * Appends entries inside the caller's transaction and answers them with their seqs, in the order given.
 * Only `transaction()` calls this, once, as the last statement before COMMIT: rooms stay locked until then.
 */
export async function append(sql: TransactionSql, ids: Ids, entries: readonly NewEntry[]): Promise<LogEntry[]> {
  const appended = await call(sql, ids, entries, null);
  return appended.map((entry) => entry!);
}

/**
 * The same as a transaction of its own, but for entries of rooms that somebody holds for long: nothing is done of them, and null
 * answered.
 */
export function appendUnheld(sql: Sql, ids: Ids, entries: readonly NewEntry[]): Promise<(LogEntry | null)[]> {
  return waitShortly((waitMs) => call(sql, ids, entries, waitMs));
}

async function call(sql: ISql, ids: Ids, entries: readonly NewEntry[], waitMs: number | null) {
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

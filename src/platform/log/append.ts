import type { Ids } from "../nodes/ids.ts";
import { withLockTimeout } from "../postgres/lock-timeout.ts";
import type { ISql, Sql, TransactionSql } from "../postgres/sql.ts";
import type { LogEntry, NewEntry } from "./entry.ts";

/**
 * Appends entries inside the caller's transaction and returns them with their seqs, in the order given.
 * Only `transaction()` calls this, once, as the last statement before COMMIT: rooms stay locked until then.
 */
export async function append(sql: TransactionSql, ids: Ids, entries: readonly NewEntry[]): Promise<LogEntry[]> {
  const appended = await callLogAppend(sql, ids, entries, null);
  return appended.map((entry) => entry!);
}

/**
 * The same as a transaction of its own, but for entries of rooms that stay locked by another transaction: they are not written, and null
 * returned.
 */
export function appendUnlocked(sql: Sql, ids: Ids, entries: readonly NewEntry[]): Promise<(LogEntry | null)[]> {
  return withLockTimeout((waitMs) => callLogAppend(sql, ids, entries, waitMs));
}

async function callLogAppend(sql: ISql, ids: Ids, entries: readonly NewEntry[], waitMs: number | null) {
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

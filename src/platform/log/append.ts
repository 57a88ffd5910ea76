import type { Ids } from "../nodes/ids.ts";
import type { TransactionSql } from "../postgres/sql.ts";
import type { LogEntry, NewEntry } from "./entry.ts";

/**
 * Appends entries inside the caller's transaction and answers them with their seqs, in the order given.
 * Only `transaction()` calls this, once, as the last statement before COMMIT: rooms stay locked until then.
 */
export async function append(sql: TransactionSql, ids: Ids, entries: readonly NewEntry[]): Promise<LogEntry[]> {
  if (entries.length === 0) return [];
  const newIds = new Map(entries.map(({ room }) => [room, ""]));
  for (const room of newIds.keys()) newIds.set(room, ids.next());
  const rows = await sql<{ seq: number }[]>`
    SELECT seq::float8 FROM log_append(
      ${entries.map((e) => e.room)}::text[], ${entries.map((e) => newIds.get(e.room)!)}::bigint[],
      ${entries.map((e) => e.type)}::text[], ${entries.map((e) => e.payload)}::text[], ${entries.map((e) => e.meta)}::text[])
    ORDER BY n`;
  return entries.map(({ room, type, payload }, i) => ({ room, seq: rows[i]!.seq, type, payload }));
}

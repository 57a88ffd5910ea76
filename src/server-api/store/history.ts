import type { Sql } from "../../platform/postgres/sql.ts";

export interface HistoryRow {
  seq: number;
  type: string;
  payload: string;
  at: Date;
}

/** Entries of a room after a seq, as many as are stored, with the room's head; all of one moment. */
export async function pageRoom(
  sql: Sql,
  room: string,
  after: number,
  limit: number,
): Promise<{ head: number; epoch: string; entries: HistoryRow[] }> {
  // Future partitions are excluded from the plan; an hour's margin, since a row may be younger than this transaction's now().
  const rows = await sql<
    { epoch: string; head: number; seq: number | null; type: string; payload: string; at: Date }[]
  >`
    SELECT log_epoch() AS epoch, coalesce(r.head, 0)::float8 AS head, l.seq::float8, l.type, l.payload, l.at
    FROM (SELECT) one
    LEFT JOIN rooms r ON r.name = ${room}
    LEFT JOIN LATERAL (
      SELECT log.seq, log.type, log.payload, log.at FROM log
      WHERE log.room_id = r.id AND log.seq > ${after}::bigint AND log.seq <= least(r.head, ${after}::bigint + ${limit}::bigint)
        AND log.at < now() + interval '1 hour'
    ) l ON true
    ORDER BY l.seq`;
  const { head, epoch } = rows[0]!;
  return {
    head,
    epoch,
    entries: rows.flatMap(({ seq, type, payload, at }) => (seq === null ? [] : [{ seq, type, payload, at }])),
  };
}

import type { ISql } from "../postgres/sql.ts";

/** The stored consumers that have still to see something of a partition, the last one first; without those behind retention. */
export async function findLagging(sql: ISql, partition: string): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT r.name FROM log_readers r JOIN ticks t ON t.id = r.tick
    WHERE pg_snapshot_xmin(t.snap) <= (SELECT max(xid) FROM ${sql(partition)})
      AND NOT EXISTS (SELECT FROM log_consumers c WHERE c.name = r.name AND c.behind_retention_at IS NOT NULL)
    ORDER BY r.tick, r.name`;
  return rows.map(({ name }) => name);
}

/** The log goes on without these consumers: each keeps the checkpoint that it had, to be seen, and handles nothing until a replay. */
export async function markBehindRetention(sql: ISql, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await sql`
    INSERT INTO log_consumers AS c (name, behind_retention_at, lost_checkpoint)
    SELECT name, clock_timestamp(), tick FROM log_readers WHERE name = ANY (${[...names]}::text[])
    ON CONFLICT (name) DO UPDATE SET behind_retention_at = excluded.behind_retention_at, lost_checkpoint = excluded.lost_checkpoint,
      version = c.version + 1`;
  await releaseHeld(sql);
}

/** Moves the positions of consumers behind retention to the present, so that they hold nothing of the log. */
export async function releaseHeld(sql: ISql): Promise<void> {
  await sql`
    UPDATE log_readers r SET tick = (SELECT max(id) FROM ticks), window_from = NULL, window_to = NULL, room_id = NULL, seq = NULL
    FROM log_consumers c WHERE c.name = r.name AND c.behind_retention_at IS NOT NULL`;
}

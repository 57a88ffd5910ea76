import type { ISql, Sql } from "../postgres/sql.ts";
import { findCheckpoint } from "./position.ts";

/**
 * Stops a stored consumer: its owner handles nothing more after the batch that it has. The position stays.
 * @throws Error when there is no such consumer; so do the others
 */
export async function pauseConsumer(sql: ISql, name: string): Promise<void> {
  requireOne(
    name,
    await sql`
      UPDATE log_consumers SET paused_at = coalesce(paused_at, clock_timestamp()), version = version + 1 WHERE name = ${name}`,
  );
}

/** Lets a paused consumer go on where it stopped. One that fell behind retention meanwhile needs a replay. */
export async function resumeConsumer(sql: ISql, name: string): Promise<void> {
  requireOne(name, await sql`UPDATE log_consumers SET paused_at = NULL, version = version + 1 WHERE name = ${name}`);
}

/**
 * Moves a stored consumer to a position, from which it sees all entries again; a batch that it is handling now does not move it back.
 * One that was behind retention runs again; a paused one stays paused.
 * @param from a number is a checkpoint; one that was thinned out is replaced by the one before it
 * @throws Error when the entries since then are no longer stored
 */
export async function replayConsumer(sql: Sql, name: string, from: "oldest" | "now" | number): Promise<void> {
  await sql.begin(async (tx) => {
    const checkpoint = await findCheckpoint(tx, from);
    requireOne(
      name,
      await tx`
        UPDATE log_readers SET tick = ${checkpoint}, window_from = NULL, window_to = NULL, room_id = NULL, seq = NULL,
          moved_at = clock_timestamp()
        WHERE name = ${name}`,
    );
    await tx`
      UPDATE log_consumers SET behind_retention_at = NULL, lost_checkpoint = NULL, version = version + 1 WHERE name = ${name}`;
  });
}

function requireOne(name: string, { count }: { count: number }): void {
  if (count === 0) throw new Error(`There is no log consumer "${name}".`);
}

import type { ISql } from "../postgres/sql.ts";
import type { ConsumerEntry } from "./consumer.ts";

/** An entry that a consumer failed at so often that it went on without it. */
export interface Parked {
  entry: ConsumerEntry;
  attempts: number;
  error: unknown;
}

/** Maximum characters of an error that are kept. */
const ERROR_MAX = 300;

/** One that is parked again, after a replay, keeps its row. */
export async function insertParked(sql: ISql, consumer: string, { entry, attempts, error }: Parked): Promise<void> {
  const { room, seq, epoch, type } = entry;
  await sql`
    INSERT INTO log_parked (consumer, room, seq, epoch, type, attempts, error)
    VALUES (${consumer}, ${room}, ${seq}, ${epoch}, ${type}, ${attempts}, ${formatError(error)})
    ON CONFLICT (consumer, room, epoch, seq)
    DO UPDATE SET attempts = excluded.attempts, error = excluded.error, parked_at = excluded.parked_at`;
}

/** Removes what was parked so many days ago. */
export async function deleteParked(sql: ISql, days: number): Promise<void> {
  await sql`DELETE FROM log_parked WHERE parked_at < clock_timestamp() - ${days} * interval '1 day'`;
}

function formatError(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll("\0", "").slice(0, ERROR_MAX);
}

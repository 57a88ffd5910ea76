import type { ISql, TransactionSql } from "../../../platform/postgres/sql.ts";
import type { Poison } from "../poison.ts";

/** An entry of the log of which no deliveries could be made, and why. */
export interface ParkedRow {
  id: string;
  room: string;
  seq: number;
  event_type: string;
  reason: string;
  parked_at: Date;
}

/** Maximum characters of a reason. */
const REASON_MAX = 300;

export async function insertParked(tx: TransactionSql, epoch: string, poison: readonly Poison[]): Promise<void> {
  await tx`
    INSERT INTO webhook_parked (room, seq, epoch, event_type, reason)
    SELECT u.room, u.seq, ${epoch}, u.type, u.reason
    FROM unnest(${poison.map(({ entry }) => entry.room)}::text[], ${poison.map(({ entry }) => entry.seq)}::bigint[],
      ${poison.map(({ entry }) => entry.type)}::text[], ${poison.map(({ error }) => formatReason(error))}::text[])
      AS u (room, seq, type, reason)`;
}

/** The newest first. */
export function listParked(sql: ISql, limit: number): Promise<ParkedRow[]> {
  return sql<ParkedRow[]>`
    SELECT id, room, seq::float8, event_type, reason, parked_at FROM webhook_parked ORDER BY id DESC LIMIT ${limit}`;
}

/** The total; they are few, and swept. */
export async function countParked(sql: ISql): Promise<number> {
  const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM webhook_parked`;
  return row!.n;
}

/** Removes what was parked more than `age` ms ago. */
export async function deleteParked(sql: ISql, age: number): Promise<void> {
  await sql`DELETE FROM webhook_parked WHERE parked_at < clock_timestamp() - ${age}::float8 * interval '1 millisecond'`;
}

function formatReason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll("\0", "").slice(0, REASON_MAX);
}

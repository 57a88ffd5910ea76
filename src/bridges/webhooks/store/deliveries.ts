import type { ISql, SqlFragment, TransactionSql } from "../../../platform/postgres/sql.ts";

export const STATUSES = ["pending", "delivered", "failed"] as const;
export type Status = (typeof STATUSES)[number];

export interface DeliveryRow {
  id: string;
  endpoint_id: string;
  webhook_id: string;
  event_type: string;
  room: string | null;
  seq: number | null;
  status: Status;
  attempts: number;
  /** Of the last attempt that ended. */
  response_status: number | null;
  error: string | null;
  next_attempt_at: Date | null;
  occurred_at: Date;
  created_at: Date;
  ended_at: Date | null;
}

export interface AttemptRow {
  n: number;
  at: Date;
  ms: number;
  response_status: number | null;
  error: string | null;
  response_preview: string | null;
}

const columns = (sql: ISql) => sql`
  d.id, d.endpoint_id, d.webhook_id, d.event_type, d.room, d.seq::float8, d.status, d.attempts, a.response_status, a.error,
  d.next_attempt_at, d.occurred_at, d.created_at, d.ended_at`;
const lastAttempt = (sql: ISql) => sql`
  LEFT JOIN LATERAL (SELECT * FROM webhook_attempts WHERE delivery_id = d.id ORDER BY n DESC LIMIT 1) a ON true`;

/** The newest first. */
export function listDeliveries(
  sql: ISql,
  {
    endpointId,
    status,
    after,
    limit,
  }: { endpointId: string; status: Status | null; after: string | null; limit: number },
): Promise<DeliveryRow[]> {
  // As text in the statement, so that the planner can use the partial indexes.
  const only = {
    pending: sql`AND d.status = 'pending'`,
    failed: sql`AND d.status = 'failed'`,
    delivered: sql`AND d.status = 'delivered'`,
  };
  return sql<DeliveryRow[]>`
    SELECT ${columns(sql)} FROM webhook_deliveries d ${lastAttempt(sql)}
    WHERE d.endpoint_id = ${endpointId} AND d.id < coalesce(${after}::bigint, 9223372036854775807) ${status === null ? sql`` : only[status]}
    ORDER BY d.id DESC LIMIT ${limit}`;
}

export async function findDelivery(sql: ISql, id: string): Promise<DeliveryRow | null> {
  const [row] = await sql<DeliveryRow[]>`
    SELECT ${columns(sql)} FROM webhook_deliveries d ${lastAttempt(sql)} WHERE d.id = ${id}`;
  return row ?? null;
}

/** The last fifty. */
export function listAttempts(sql: ISql, deliveryId: string): Promise<AttemptRow[]> {
  return sql<AttemptRow[]>`
    SELECT n, at, ms, response_status, error, response_preview FROM (
      SELECT * FROM webhook_attempts WHERE delivery_id = ${deliveryId} ORDER BY n DESC LIMIT 50) a ORDER BY n`;
}

/** Makes it due now, with the whole schedule again and no delivery to wait for. Only what has ended: returns whether it had. */
export async function redeliver(sql: TransactionSql, id: string): Promise<boolean> {
  const { count } = await sql`
    UPDATE webhook_deliveries SET status = 'pending', tries = 0, next_attempt_at = clock_timestamp(), ended_at = NULL, in_order = false
    WHERE id = ${id} AND status <> 'pending'`;
  return count > 0;
}

/** The same for the oldest `max` failed ones of entries since then that the endpoint still accepts; returns how many. */
export async function redeliverFailed(
  sql: TransactionSql,
  endpointId: string,
  since: Date,
  max: number,
): Promise<number> {
  const { count } = await sql`
    UPDATE webhook_deliveries SET status = 'pending', tries = 0, next_attempt_at = clock_timestamp(), ended_at = NULL, in_order = false
    WHERE id = ANY (ARRAY(
      SELECT d.id FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
      WHERE d.endpoint_id = ${endpointId} AND d.status = 'failed' AND d.occurred_at >= ${since}
        AND (d.room IS NULL OR (${matchesPattern(sql, sql`e.rooms`, sql`d.room`)} AND ${matchesPattern(sql, sql`e.event_types`, sql`d.event_type`)}))
      ORDER BY d.id LIMIT ${max}))`;
  return count;
}

/** Whether a text matches one of the patterns, like `acceptsEntry`. */
function matchesPattern(sql: ISql, patterns: SqlFragment, text: SqlFragment): SqlFragment {
  return sql`EXISTS (SELECT FROM unnest(${patterns}) AS p
    WHERE p = ${text} OR (right(p, 1) = '*' AND starts_with(${text}, left(p, -1))))`;
}

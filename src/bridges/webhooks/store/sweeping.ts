import type { ISql, TransactionSql } from "../../../platform/postgres/sql.ts";

const BATCH = 5_000;

/** Removes a batch of deliveries that ended with this status more than `age` ms ago; returns how many. */
export async function deleteEnded(sql: ISql, status: "delivered" | "failed", age: number): Promise<number> {
  const { count } = await sql`
    DELETE FROM webhook_deliveries WHERE id = ANY (ARRAY(
      SELECT id FROM webhook_deliveries
      WHERE status = ${status} AND status <> 'pending' AND ended_at < clock_timestamp() - ${age}::float8 * interval '1 millisecond'
      ORDER BY ended_at LIMIT ${BATCH}))`;
  return count;
}

/** Removes a batch of an endpoint's ended deliveries beyond the newest `max`; returns how many. */
export async function deleteBeyond(sql: ISql, endpointId: string, max: number): Promise<number> {
  const { count } = await sql`
    DELETE FROM webhook_deliveries WHERE id = ANY (ARRAY(
      SELECT id FROM webhook_deliveries
      WHERE endpoint_id = ${endpointId} AND status <> 'pending' AND id <= (
        SELECT id FROM webhook_deliveries WHERE endpoint_id = ${endpointId} AND status <> 'pending' ORDER BY id DESC OFFSET ${max} LIMIT 1)
      ORDER BY id LIMIT ${BATCH}))`;
  return count;
}

/** Removes a batch of an endpoint's deliveries, of any kind; returns how many. */
export async function deleteDeliveries(sql: ISql, endpointId: string): Promise<number> {
  const { count } = await sql`
    DELETE FROM webhook_deliveries WHERE id = ANY (ARRAY(
      SELECT id FROM webhook_deliveries WHERE endpoint_id = ${endpointId} ORDER BY id LIMIT ${BATCH}))`;
  return count;
}

/** Gives up a batch of the deliveries that wait for a locked endpoint that has been disabled for `age` ms; returns how many. */
export async function giveUpWaiting(sql: TransactionSql, endpointId: string, age: number): Promise<number> {
  const { count } = await sql`
    UPDATE webhook_deliveries d SET status = 'failed', next_attempt_at = NULL, ended_at = clock_timestamp()
    FROM webhook_endpoints e
    WHERE e.id = d.endpoint_id AND e.disabled_at < clock_timestamp() - ${age}::float8 * interval '1 millisecond'
      AND d.id = ANY (ARRAY(
        SELECT id FROM webhook_deliveries WHERE endpoint_id = ${endpointId} AND status = 'pending' ORDER BY id LIMIT ${BATCH}))`;
  return count;
}

/** How many deliveries wait for an endpoint, or for all (null); counted up to `max` and one. */
export async function countPending(sql: ISql, endpointId: string | null, max: number): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    SELECT count(*)::int AS n FROM (
      SELECT FROM webhook_deliveries WHERE status = 'pending' ${endpointId === null ? sql`` : sql`AND endpoint_id = ${endpointId}`}
      LIMIT ${max + 1}) p`;
  return row!.n;
}

import type { ISql, TransactionSql } from "../../../platform/postgres/sql.ts";
import type { DisabledReason } from "./endpoints.ts";

/** A delivery that this node may attempt until its lease ends. */
export interface Claim {
  id: string;
  endpoint_id: string;
  webhook_id: string;
  event_type: string;
  room: string | null;
  seq: number | null;
  epoch: string | null;
  payload: string;
  occurred_at: Date;
  /** The number of this attempt; a fencing token. */
  attempt: number;
  /** Attempts that have failed since it was recorded or redelivered. */
  failed_attempts: number;
  /** The endpoint's present state, read at one moment, so that nothing goes to a new address by old patterns. */
  url: string;
  rooms: string[];
  event_types: string[];
  secret: string;
  old_secret: string | null;
  /** Seconds from the entry to this claim, by the database's clock. */
  age: number;
}

/**
 * Claims deliveries that are due, of each enabled endpoint at most `max` less what this node has in flight there, for `lease` ms by the
 * database's clock. No two nodes claim the same.
 */
export function claimDue(
  sql: ISql,
  { inFlight, max, lease }: { inFlight: ReadonlyMap<string, number>; max: number; lease: number },
): Promise<Claim[]> {
  return sql<Claim[]>`
    SELECT c.id, c.endpoint_id, c.webhook_id, c.event_type, c.room, c.seq::float8, c.epoch, c.payload, c.occurred_at, c.attempt,
      c.tries AS failed_attempts, e.url, e.rooms, e.event_types, c.secret, c.old_secret, c.age
    FROM webhook_claim(${[...inFlight.keys()]}::bigint[], ${[...inFlight.values()]}::int[], ${max}::int, ${lease}::float8) c
    JOIN webhook_endpoints e ON e.id = c.endpoint_id`;
}

/** The end of an attempt. */
export interface EndedAttempt {
  id: string;
  endpointId: string;
  attempt: number;
  /** `released`: not attempted; another node may claim it at once. */
  result: "delivered" | "again" | "failed" | "released";
  /** ms until the next attempt; for `again`. */
  delay: number | null;
  ms: number;
  status: number | null;
  error: string | null;
  preview: string | null;
  /** ms for which the endpoint is paused. */
  pause: number | null;
  /** The endpoint responded with 410. */
  gone: boolean;
  /** Nothing was posted: the endpoint no longer accepts such entries. Does not count for its health. */
  withdrawn?: boolean;
}

/** Deliveries of one endpoint and room, which wait for each other. */
export interface OrderedQueue {
  endpoint_id: string;
  room: string;
}

/** Stores the ends of attempts, with their endpoints locked. Returns the queues in which a delivery has ended. */
export async function writeEndedAttempts(sql: TransactionSql, ends: readonly EndedAttempt[]): Promise<OrderedQueue[]> {
  return sql<OrderedQueue[]>`
    SELECT endpoint_id, room FROM webhook_end(${ends.map((e) => e.id)}::bigint[], ${ends.map((e) => e.attempt)}::int[],
      ${ends.map((e) => e.result)}::text[], ${ends.map((e) => e.delay)}::float8[], ${ends.map((e) => e.ms)}::int[],
      ${ends.map((e) => e.status)}::int[], ${ends.map((e) => e.error)}::text[], ${ends.map((e) => e.preview)}::text[])`;
}

/** Releases the deliveries that waited for them; in a statement of its own, which sees their ends. */
export async function releaseNext(sql: TransactionSql, queues: readonly OrderedQueue[]): Promise<void> {
  await sql`SELECT webhook_release(${queues.map((l) => l.endpoint_id)}::bigint[], ${queues.map((l) => l.room)}::text[])`;
}

/** The health of an endpoint by a batch of ends. */
export interface Health {
  endpointId: string;
  delivered: boolean;
  failed: boolean;
  gone: boolean;
  pause: number | null;
}

/** Stores the health of endpoints; disables those that responded with 410, or had no success for `failing` ms. Returns the ones it disabled. */
export function writeHealth(
  sql: TransactionSql,
  health: readonly Health[],
  failing: number,
): Promise<{ id: string; disabled_reason: DisabledReason }[]> {
  return sql<{ id: string; disabled_reason: DisabledReason }[]>`
    WITH seen AS (
      SELECT e.id, e.disabled_at, u.pause,
        CASE WHEN u.delivered THEN NULL WHEN u.failed THEN coalesce(e.failing_since, clock_timestamp()) ELSE e.failing_since END AS since,
        u.gone
      FROM unnest(${health.map((h) => h.endpointId)}::bigint[], ${health.map((h) => h.delivered)}::boolean[],
        ${health.map((h) => h.failed)}::boolean[], ${health.map((h) => h.gone)}::boolean[],
        ${health.map((h) => h.pause)}::float8[]) AS u (endpoint_id, delivered, failed, gone, pause)
      JOIN webhook_endpoints e ON e.id = u.endpoint_id),
    judged AS (
      SELECT *, CASE WHEN gone THEN 'gone'
        WHEN since < clock_timestamp() - ${failing}::float8 * interval '1 millisecond' THEN 'failing' END AS reason FROM seen),
    written AS (
      UPDATE webhook_endpoints e SET failing_since = j.since,
        paused_until = CASE WHEN j.pause IS NULL THEN e.paused_until
          ELSE greatest(e.paused_until, clock_timestamp() + j.pause * interval '1 millisecond') END,
        disabled_at = coalesce(e.disabled_at, CASE WHEN j.reason IS NOT NULL THEN clock_timestamp() END),
        disabled_reason = coalesce(e.disabled_reason, j.reason)
      FROM judged j WHERE e.id = j.id
        AND (j.pause IS NOT NULL OR j.since IS DISTINCT FROM e.failing_since OR (j.reason IS NOT NULL AND e.disabled_at IS NULL)))
    SELECT id, reason AS disabled_reason FROM judged WHERE reason IS NOT NULL AND disabled_at IS NULL`;
}

/** Releases the first delivery of each queue of an endpoint, where none is in flight. With the endpoint locked. */
export async function releaseWaiting(sql: TransactionSql, endpointId: string): Promise<void> {
  await sql`
    SELECT webhook_release(array_agg(endpoint_id), array_agg(room)) FROM (
      SELECT DISTINCT endpoint_id, room FROM webhook_deliveries
      WHERE endpoint_id = ${endpointId} AND status = 'pending' AND in_order) lanes`;
}

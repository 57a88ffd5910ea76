import type { ISql, TransactionSql } from "../../../platform/postgres/sql.ts";

export interface Subscription {
  id: string;
  event_types: string[];
  rooms: string[];
  ordered: boolean;
}

export function findSubscriptions(sql: ISql): Promise<Subscription[]> {
  return sql<Subscription[]>`
    SELECT id, event_types, rooms, ordered FROM webhook_endpoints WHERE disabled_at IS NULL ORDER BY id`;
}

/** Locks these endpoints as the migration requires; returns those that still exist. */
export async function lockEndpoints(sql: TransactionSql, ids: readonly string[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    SELECT id FROM webhook_endpoints WHERE id = ANY (${ids}::bigint[]) ORDER BY id FOR NO KEY UPDATE`;
  return new Set(rows.map(({ id }) => id));
}

export interface NewDelivery {
  endpointId: string;
  webhookId: string;
  type: string;
  /** Null for a test delivery. */
  position: { room: string; seq: number; epoch: string } | null;
  messageId: string | null;
  /** JSON text. */
  payload: string;
  /** Unix time in ms; null: now. */
  at: number | null;
  inOrder: boolean;
}

/**
 * Adds deliveries, in the order given, with their endpoints locked. One that is in order waits (has no time of its next attempt)
 * while an earlier one of its endpoint and room is pending. Returns their ids.
 */
export async function insertDeliveries(sql: TransactionSql, deliveries: readonly NewDelivery[]): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    WITH news AS (
      SELECT u.*, row_number() OVER (PARTITION BY endpoint_id, room, in_order ORDER BY n) > 1 AS follows
      FROM unnest(${deliveries.map((d) => d.endpointId)}::bigint[], ${deliveries.map((d) => d.webhookId)}::text[],
        ${deliveries.map((d) => d.type)}::text[], ${deliveries.map((d) => d.position?.room ?? null)}::text[],
        ${deliveries.map((d) => d.position?.seq ?? null)}::bigint[], ${deliveries.map((d) => d.position?.epoch ?? null)}::text[],
        ${deliveries.map((d) => d.messageId)}::text[], ${deliveries.map((d) => d.payload)}::text[], ${deliveries.map((d) => d.at)}::float8[],
        ${deliveries.map((d) => d.inOrder)}::boolean[]) WITH ORDINALITY
        AS u (endpoint_id, webhook_id, event_type, room, seq, epoch, message_id, payload, at, in_order, n))
    INSERT INTO webhook_deliveries (endpoint_id, webhook_id, event_type, room, seq, epoch, message_id, payload, occurred_at,
      in_order, next_attempt_at)
    SELECT endpoint_id, webhook_id, event_type, room, seq, epoch, message_id, payload,
      coalesce(to_timestamp(at / 1000), clock_timestamp()), in_order,
      CASE WHEN NOT in_order OR NOT (follows OR EXISTS (
        SELECT FROM webhook_deliveries d
        WHERE d.endpoint_id = news.endpoint_id AND d.room = news.room AND d.status = 'pending' AND d.in_order))
      THEN clock_timestamp() END
    FROM news ORDER BY n
    RETURNING id`;
  return rows.map(({ id }) => id);
}

/** A message was edited or deleted: `payload` is that entry's. */
export interface Revision {
  room: string;
  messageId: string;
  payload: string;
}

/** Applies edits and deletions to copies: as the log now has their entries, or by the last entry if the log no longer has them. */
export async function revisePayloads(sql: TransactionSql, revisions: readonly Revision[]): Promise<void> {
  await sql`
    UPDATE webhook_deliveries d SET payload = coalesce((
      SELECT l.payload FROM rooms r JOIN log l ON l.room_id = r.id WHERE r.name = d.room AND l.seq = d.seq), e.payload)
    FROM unnest(${revisions.map((r) => r.room)}::text[], ${revisions.map((r) => r.messageId)}::text[],
      ${revisions.map((r) => r.payload)}::text[]) AS e (room, message_id, payload)
    WHERE d.message_id = e.message_id AND d.room = e.room`;
}

/** The same for everything that names a person; what the log has no more becomes an empty object. */
export async function revisePayloadsByUser(sql: ISql, userId: string): Promise<void> {
  await sql`
    UPDATE webhook_deliveries d SET payload = coalesce((
      SELECT l.payload FROM rooms r JOIN log l ON l.room_id = r.id WHERE r.name = d.room AND l.seq = d.seq), '{}')
    WHERE strpos(d.payload, ${JSON.stringify(userId)}) > 0`;
}

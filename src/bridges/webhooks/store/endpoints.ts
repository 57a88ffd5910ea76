import type { ISql } from "../../../platform/postgres/sql.ts";

export type DisabledReason = "admin" | "gone" | "failing" | "backlog";

/** Without its secrets: they leave the table only to sign, and once to the admin who created or rotated them. */
export interface EndpointRow {
  id: string;
  url: string;
  event_types: string[];
  rooms: string[];
  description: string;
  ordered: boolean;
  disabled_at: Date | null;
  disabled_reason: DisabledReason | null;
  failing_since: Date | null;
  old_secret_until: Date | null;
  created_at: Date;
}

/** What an admin can set. */
export interface EndpointFields {
  url: string;
  event_types: readonly string[];
  rooms: readonly string[];
  description: string;
  ordered: boolean;
}

const columns = (sql: ISql) => sql`
  id, url, event_types, rooms, description, ordered, disabled_at, disabled_reason, failing_since,
  CASE WHEN old_secret_until > clock_timestamp() THEN old_secret_until END AS old_secret_until, created_at`;

export function listEndpoints(sql: ISql): Promise<EndpointRow[]> {
  return sql<EndpointRow[]>`SELECT ${columns(sql)} FROM webhook_endpoints ORDER BY id`;
}

export async function findEndpoint(sql: ISql, id: string): Promise<EndpointRow | null> {
  const [row] = await sql<EndpointRow[]>`SELECT ${columns(sql)} FROM webhook_endpoints WHERE id = ${id}`;
  return row ?? null;
}

export async function lockEndpoint(sql: ISql, id: string): Promise<EndpointRow | null> {
  const [row] = await sql<EndpointRow[]>`
    SELECT ${columns(sql)} FROM webhook_endpoints WHERE id = ${id} FOR NO KEY UPDATE`;
  return row ?? null;
}

/** Null when there are `max` already. */
export async function insertEndpoint(
  sql: ISql,
  { id, url, event_types, rooms, description, ordered, secret, created_by }: NewEndpoint,
  max: number,
): Promise<EndpointRow | null> {
  const [row] = await sql<EndpointRow[]>`
    INSERT INTO webhook_endpoints (id, url, event_types, rooms, description, ordered, secret, created_by)
    SELECT ${id}::bigint, ${url}, ${event_types}::text[], ${rooms}::text[], ${description}, ${ordered}::boolean, ${secret}, ${created_by}
    WHERE (SELECT count(*) FROM webhook_endpoints) < ${max}::int
    RETURNING ${columns(sql)}`;
  return row ?? null;
}

type NewEndpoint = EndpointFields & { id: string; secret: string; created_by: string };

export async function updateEndpoint(sql: ISql, id: string, changes: Partial<EndpointFields>): Promise<void> {
  if (Object.keys(changes).length > 0) await sql`UPDATE webhook_endpoints SET ${sql.set(changes)} WHERE id = ${id}`;
}

export async function disableEndpoint(sql: ISql, id: string, reason: DisabledReason): Promise<void> {
  await sql`
    UPDATE webhook_endpoints SET disabled_at = clock_timestamp(), disabled_reason = ${reason}
    WHERE id = ${id} AND disabled_at IS NULL`;
}

/** Enables it and clears its failures. */
export async function enableEndpoint(sql: ISql, id: string): Promise<void> {
  await sql`
    UPDATE webhook_endpoints SET disabled_at = NULL, disabled_reason = NULL, failing_since = NULL, paused_until = NULL
    WHERE id = ${id}`;
}

/** The present secret signs for `overlap` ms more, in addition to the new one; with 0 not at all. */
export async function replaceSecret(sql: ISql, id: string, secret: string, overlap: number): Promise<boolean> {
  const { count } = await sql`
    UPDATE webhook_endpoints SET secret = ${secret}, old_secret = CASE WHEN ${overlap}::float8 > 0 THEN secret END,
      old_secret_until = CASE WHEN ${overlap}::float8 > 0
        THEN clock_timestamp() + ${overlap}::float8 * interval '1 millisecond' END
    WHERE id = ${id}`;
  return count > 0;
}

/** With its remaining deliveries. */
export async function deleteEndpoint(sql: ISql, id: string): Promise<void> {
  await sql`DELETE FROM webhook_endpoints WHERE id = ${id}`;
}

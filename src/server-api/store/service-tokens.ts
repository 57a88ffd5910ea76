import type { ISql } from "../../platform/postgres/sql.ts";

/** A token as admins see it. */
export interface TokenRow {
  id: string;
  name: string;
  scopes: string[];
  rooms: string[];
  created_by: string;
  created_at: Date;
  rotated_at: Date | null;
  previous_until: Date | null;
  expires_at: Date | null;
  last_used_at: Date | null;
}

/** A token as the transports check it. The remaining times of the token and of its previous secret are in ms; null: no end, or none. */
export interface ValidToken {
  id: string;
  name: string;
  scopes: string[];
  rooms: string[];
  secret_hash: Uint8Array;
  previous_hash: Uint8Array | null;
  left: number | null;
  previous_left: number | null;
}

/** All tokens that are valid now. */
export async function findValidTokens(sql: ISql): Promise<ValidToken[]> {
  return sql<ValidToken[]>`
    SELECT id, name, scopes, rooms, secret_hash, previous_hash,
      extract(epoch FROM expires_at - clock_timestamp())::float8 * 1000 AS left,
      extract(epoch FROM previous_until - clock_timestamp())::float8 * 1000 AS previous_left
    FROM service_tokens WHERE expires_at IS NULL OR expires_at > clock_timestamp()`;
}

export async function listTokens(sql: ISql): Promise<TokenRow[]> {
  return sql<TokenRow[]>`SELECT ${columns(sql)} FROM service_tokens ORDER BY id`;
}

/** Undefined when there are `max` already. Two at once may both be created: the limit is not exact. */
export async function insertToken(
  sql: ISql,
  token: {
    id: string;
    name: string;
    secretHash: Uint8Array;
    scopes: readonly string[];
    rooms: readonly string[];
    createdBy: string;
    expiresAt: string | null;
  },
  max: number,
): Promise<TokenRow | undefined> {
  const { id, name, secretHash, scopes, rooms, createdBy, expiresAt } = token;
  const [row] = await sql<TokenRow[]>`
    INSERT INTO service_tokens (id, name, secret_hash, scopes, rooms, created_by, expires_at)
    SELECT ${id}::bigint, ${name}, ${secretHash}::bytea, ${scopes}::text[], ${rooms}::text[], ${createdBy}, ${expiresAt}::timestamptz
    WHERE (SELECT count(*) FROM service_tokens) < ${max}::int RETURNING ${columns(sql)}`;
  return row;
}

/** The present secret becomes the previous one, valid for so many seconds more. */
export async function rotateToken(
  sql: ISql,
  id: string,
  secretHash: Uint8Array,
  overlap: number,
): Promise<TokenRow | undefined> {
  const [row] = await sql<TokenRow[]>`
    UPDATE service_tokens SET secret_hash = ${secretHash}::bytea, rotated_at = clock_timestamp(),
      previous_hash = CASE WHEN ${overlap}::float8 > 0 THEN secret_hash END,
      previous_until = CASE WHEN ${overlap}::float8 > 0 THEN clock_timestamp() + ${overlap}::float8 * interval '1 second' END
    WHERE id = ${id} RETURNING ${columns(sql)}`;
  return row;
}

/** Returns its name; null when there is none with this id. */
export async function deleteToken(sql: ISql, id: string): Promise<string | null> {
  const [row] = await sql<{ name: string }[]>`DELETE FROM service_tokens WHERE id = ${id} RETURNING name`;
  return row?.name ?? null;
}

export async function touchTokens(sql: ISql, ids: readonly string[]): Promise<void> {
  await sql`UPDATE service_tokens SET last_used_at = clock_timestamp() WHERE id = ANY (${ids}::bigint[])`;
}

function columns(sql: ISql) {
  return sql`id, name, scopes, rooms, created_by, created_at, rotated_at, expires_at, last_used_at,
    CASE WHEN previous_until > clock_timestamp() THEN previous_until END AS previous_until`;
}

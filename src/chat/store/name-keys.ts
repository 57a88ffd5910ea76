import type { ISql } from "../../platform/postgres/sql.ts";

/** Channels whose names have no keys yet, by id. */
export async function findChannelsWithoutKeys(sql: ISql, after: string, limit: number) {
  return sql<{ id: string; name: string }[]>`
    SELECT id, name FROM channels
    WHERE search_key IS NULL AND name IS NOT NULL AND deleted_at IS NULL AND id > ${after}::bigint
    ORDER BY id LIMIT ${limit}`;
}

/** Of public channels of one name the oldest gets the unique key, the others none. */
export async function setChannelKeys(
  sql: ISql,
  keys: readonly { id: string; name: string; name_key: string; search_key: string }[],
): Promise<void> {
  await sql`
    WITH made AS (
      SELECT k.*, c.type <> 'public' OR row_number() OVER (PARTITION BY c.type, k.name_key ORDER BY k.id) = 1 AS is_first
      FROM unnest(${keys.map((k) => k.id)}::bigint[], ${keys.map((k) => k.name)}::text[],
        ${keys.map((k) => k.name_key)}::text[], ${keys.map((k) => k.search_key)}::text[]) AS k (id, name, name_key, search_key)
      JOIN channels c ON c.id = k.id
    )
    UPDATE channels c SET search_key = k.search_key,
      name_key = CASE WHEN k.is_first AND (c.type <> 'public' OR NOT EXISTS (
        SELECT FROM channels o WHERE o.name_key = k.name_key AND o.type = 'public' AND o.deleted_at IS NULL AND o.id <> c.id))
        THEN k.name_key END
    FROM made k WHERE c.id = k.id AND c.name = k.name`;
}

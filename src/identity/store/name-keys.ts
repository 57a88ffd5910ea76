import type { ISql } from "../../platform/postgres/sql.ts";

/** People whose names have no keys yet, by id. */
export async function findUsersWithoutKeys(db: ISql, after: string, limit: number) {
  return db<{ id: string; username: string; name: string | null }[]>`
    SELECT id, username, name FROM users
    WHERE search_key IS NULL AND erased_at IS NULL AND id > ${after} ORDER BY id LIMIT ${limit}`;
}

/** The keys of one person's names (names.ts). */
export interface NameKeysRow {
  id: string;
  /** The name that the keys were made of: a person whose name has changed since gets none of them. */
  username: string;
  search_key: string;
  name_search_key: string;
  skeleton: string;
}

/** Of those whose names look alike the first one gets the skeleton, the others none. */
export async function setNameKeys(db: ISql, keys: readonly NameKeysRow[]): Promise<void> {
  const column = (name: keyof NameKeysRow) => keys.map((each) => each[name]);
  await db`
    WITH made AS (
      SELECT *, row_number() OVER (PARTITION BY skeleton ORDER BY id) = 1 AS is_first
      FROM unnest(${column("id")}::text[], ${column("username")}::text[], ${column("search_key")}::text[],
        ${column("name_search_key")}::text[], ${column("skeleton")}::text[])
        AS k (id, username, search_key, name_search_key, skeleton)
    )
    UPDATE users u SET search_key = k.search_key, name_search_key = k.name_search_key,
      skeleton = CASE WHEN k.is_first AND NOT EXISTS (SELECT FROM users o WHERE o.skeleton = k.skeleton AND o.id <> u.id)
        THEN k.skeleton END
    FROM made k WHERE u.id = k.id AND u.username = k.username AND u.erased_at IS NULL`;
}

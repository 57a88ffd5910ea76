import type { Db } from "./db.ts";

export async function insertRefreshToken(db: Db, hash: string, sessionId: string): Promise<void> {
  await db`INSERT INTO refresh_tokens (hash, session_id) VALUES (${hash}, ${sessionId})`;
}

/**
 * The token and its session, locked until the end of the transaction: two refreshes of one session follow each other.
 * `used_ago`: ms since it was used, null when it was not.
 */
export async function lockRefreshToken(
  db: Db,
  hash: string,
): Promise<{ session_id: string; user_id: string; used_ago: number | null; nonce: string | null } | undefined> {
  const [row] = await db<{ session_id: string; user_id: string; used_ago: number | null; nonce: string | null }[]>`
    SELECT r.session_id, s.user_id, r.nonce,
      (extract(epoch FROM clock_timestamp() - r.used_at) * 1000)::float8 AS used_ago
    FROM refresh_tokens r JOIN sessions s ON s.id = r.session_id
    WHERE r.hash = ${hash} AND s.expires_at > clock_timestamp()
    FOR UPDATE`;
  return row;
}

export async function markUsed(db: Db, hash: string, nonce: string): Promise<void> {
  await db`UPDATE refresh_tokens SET used_at = clock_timestamp(), nonce = ${nonce} WHERE hash = ${hash}`;
}

export async function isUnused(db: Db, hash: string): Promise<boolean> {
  const rows = await db`SELECT FROM refresh_tokens WHERE hash = ${hash} AND used_at IS NULL`;
  return rows.length > 0;
}

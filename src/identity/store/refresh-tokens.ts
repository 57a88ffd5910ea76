import type { ISql } from "../../platform/postgres/sql.ts";

export async function insertRefreshToken(db: ISql, hash: string, sessionId: string): Promise<void> {
  await db`INSERT INTO refresh_tokens (hash, session_id) VALUES (${hash}, ${sessionId})`;
}

/**
 * The session this token is or was of, locked until the end of the transaction: refreshes of one session follow each other.
 * Sessions are always locked before their tokens. Read the token in a statement of its own afterwards: it sees what the
 * lock waited for.
 */
export async function lockSessionByToken(db: ISql, hash: string): Promise<{ id: string; user_id: string } | undefined> {
  const [row] = await db<{ id: string; user_id: string }[]>`
    SELECT id, user_id FROM sessions
    WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = ${hash}) AND expires_at > clock_timestamp()
    FOR UPDATE`;
  return row;
}

/** How long ago the token was used, in ms, and with which nonce; null when it was not. */
export async function findLastUse(db: ISql, hash: string): Promise<{ ago: number; nonce: string } | null> {
  const [row] = await db<{ ago: number; nonce: string }[]>`
    SELECT (extract(epoch FROM clock_timestamp() - used_at) * 1000)::float8 AS ago, nonce
    FROM refresh_tokens WHERE hash = ${hash} AND used_at IS NOT NULL`;
  return row ?? null;
}

export async function markUsed(db: ISql, hash: string, nonce: string): Promise<void> {
  await db`UPDATE refresh_tokens SET used_at = clock_timestamp(), nonce = ${nonce} WHERE hash = ${hash}`;
}

export async function isUnused(db: ISql, hash: string): Promise<boolean> {
  const rows = await db`SELECT FROM refresh_tokens WHERE hash = ${hash} AND used_at IS NULL`;
  return rows.length > 0;
}

/** Removes at most `max` tokens that were used more than `age` ms ago; returns how many. */
export async function deleteUsedTokens(db: ISql, age: number, max: number): Promise<number> {
  const { count } = await db`
    DELETE FROM refresh_tokens WHERE hash = ANY (ARRAY(
      SELECT hash FROM refresh_tokens WHERE used_at < clock_timestamp() - ${age}::float8 * interval '1 millisecond'
      ORDER BY used_at LIMIT ${max}))`;
  return count;
}

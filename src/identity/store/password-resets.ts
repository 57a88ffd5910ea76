import type { ISql } from "../../platform/postgres/sql.ts";

/** Replaces an earlier request of the same person: only the last link works. */
export async function upsertReset(
  db: ISql,
  reset: { hash: string; user_id: string; shown_token: string | null },
  ttl: number,
): Promise<void> {
  const { hash, user_id, shown_token } = reset;
  await db`
    INSERT INTO password_resets (hash, user_id, shown_token, requested_at, expires_at)
    VALUES (${hash}, ${user_id}, ${shown_token}, clock_timestamp(),
            clock_timestamp() + ${ttl} * interval '1 millisecond')
    ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, shown_token = excluded.shown_token,
      requested_at = excluded.requested_at, expires_at = excluded.expires_at`;
}

/** Whether the token is still valid, without using it up. */
export async function isResetValid(db: ISql, hash: string): Promise<boolean> {
  const rows = await db`SELECT FROM password_resets WHERE hash = ${hash} AND expires_at > clock_timestamp()`;
  return rows.length > 0;
}

/** Whose password the token may set; it works once. */
export async function consumeReset(db: ISql, hash: string): Promise<string | undefined> {
  const [row] = await db<{ user_id: string }[]>`
    DELETE FROM password_resets WHERE hash = ${hash} AND expires_at > clock_timestamp() RETURNING user_id`;
  return row?.user_id;
}

export async function deleteUserResets(db: ISql, userId: string): Promise<void> {
  await db`DELETE FROM password_resets WHERE user_id = ${userId}`;
}

export interface ListedReset {
  user_id: string;
  username: string;
  shown_token: string;
  requested_at: Date;
  expires_at: Date;
}

export async function listResets(db: ISql): Promise<ListedReset[]> {
  return db<ListedReset[]>`
    SELECT r.user_id, u.username, r.shown_token, r.requested_at, r.expires_at
    FROM password_resets r JOIN users u ON u.id = r.user_id
    WHERE r.shown_token IS NOT NULL AND r.expires_at > clock_timestamp()
    ORDER BY r.requested_at DESC LIMIT 100`;
}

export async function deleteExpiredResets(db: ISql): Promise<void> {
  await db`DELETE FROM password_resets WHERE expires_at <= clock_timestamp()`;
}

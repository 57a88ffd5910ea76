import type { ISql } from "../../platform/postgres/sql.ts";

/** Which token a session was made for, and when it ends with it at the latest; the token's end is known to a few ms. */
export interface Issuer {
  /** Null: a token of the configuration. */
  service_token_id: string | null;
  issued_by: string;
  ends_at: Date | null;
}

/** The session that this token has for a person, made with the same secret: another one has another end. */
export async function findIssuedSession(db: ISql, userId: string, issuer: Issuer): Promise<string | undefined> {
  const { issued_by, ends_at } = issuer;
  const [row] = await db<{ id: string }[]>`
    SELECT id FROM sessions
    WHERE user_id = ${userId} AND issued_by = ${issued_by} AND expires_at > clock_timestamp()
      AND coalesce(abs(extract(epoch FROM ends_at - ${ends_at}::timestamptz)) < 5, ends_at IS NULL AND ${ends_at === null})
    ORDER BY last_seen_at DESC LIMIT 1`;
  return row?.id;
}

/** Ends the sessions that this token has made; returns their ids. */
export async function deleteIssuedBy(db: ISql, tokenId: string): Promise<string[]> {
  return toIds(
    await db`
    DELETE FROM sessions WHERE id IN
      (SELECT id FROM sessions WHERE service_token_id = ${tokenId}::bigint ORDER BY id FOR UPDATE) RETURNING id`,
  );
}

/** Ends the sessions that any service has made for this person; returns their ids. */
export async function deleteIssuedTo(db: ISql, userId: string): Promise<string[]> {
  return toIds(
    await db`
    DELETE FROM sessions WHERE id IN
      (SELECT id FROM sessions WHERE user_id = ${userId} AND issued_by IS NOT NULL ORDER BY id FOR UPDATE) RETURNING id`,
  );
}

/** Ends the sessions made by tokens of the configuration other than the present one; returns their ids. */
export async function deleteIssuedByOtherTokens(db: ISql, current: string): Promise<string[]> {
  return toIds(
    await db`
    DELETE FROM sessions WHERE id IN
      (SELECT id FROM sessions WHERE issued_by <> ${current} AND service_token_id IS NULL ORDER BY id FOR UPDATE)
    RETURNING id`,
  );
}

/** Ends the sessions that this token has made in so many seconds, if they do not end before. */
export async function endIssuedAfter(db: ISql, tokenId: string, seconds: number): Promise<void> {
  await db`
    UPDATE sessions s SET ends_at = least(ends_at, t.at), expires_at = least(expires_at, t.at)
    FROM (SELECT id, clock_timestamp() + ${seconds}::float8 * interval '1 second' AS at FROM sessions
          WHERE service_token_id = ${tokenId}::bigint ORDER BY id FOR UPDATE) t
    WHERE s.id = t.id`;
}

function toIds(rows: readonly unknown[]): string[] {
  return (rows as readonly { id: string }[]).map(({ id }) => id);
}

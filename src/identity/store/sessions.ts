import type { Role } from "../../../protocol/objects.ts";
import type { ISql } from "../../platform/postgres/sql.ts";
import { isBanned } from "./bans.ts";
import type { Issuer } from "./issued-sessions.ts";

// Statements that touch several sessions lock them in the order of their ids, so that no two wait for each other.

export interface SessionRow {
  id: string;
  device_name: string | null;
  ip: string | null;
  user_agent: string | null;
  created_at: Date;
  last_seen_at: Date;
}

/** A session that has not ended, and whose it is. */
export interface ActiveSessionRow {
  session_id: string;
  user_id: string;
  username: string;
  role: Role;
  expires_at: Date;
  last_seen_at: Date;
  cookie_hash: string;
  banned: boolean;
  /** When it ends at the latest, with the service token that it was made for; null: by disuse only. */
  ends_at: Date | null;
}

const selectActive = (db: ISql) => db`
  SELECT s.id AS session_id, u.id AS user_id, u.username, u.role, s.expires_at, s.last_seen_at, s.cookie_hash, s.ends_at,
    ${isBanned(db)} AS banned
  FROM sessions s JOIN users u ON u.id = s.user_id
  WHERE s.expires_at > clock_timestamp() AND (s.issued_by IS NULL OR u.role = 'member')`;

export async function insertSession(
  db: ISql,
  session: {
    id: string;
    user_id: string;
    cookie_hash: string;
    device_name: string | null;
    ip: string | null;
    user_agent: string | null;
    /** Null: the person signed in. */
    issuer: Issuer | null;
  },
  ttl: number,
): Promise<void> {
  const { id, user_id, cookie_hash, device_name, ip, user_agent, issuer } = session;
  await db`
    INSERT INTO sessions (id, user_id, cookie_hash, device_name, ip, user_agent, service_token_id, issued_by, ends_at, expires_at)
    VALUES (${id}, ${user_id}, ${cookie_hash}, ${device_name}, ${ip}, ${user_agent}, ${issuer?.service_token_id ?? null}::bigint,
            ${issuer?.issued_by ?? null}, ${issuer?.ends_at ?? null}::timestamptz,
            least(clock_timestamp() + ${ttl} * interval '1 millisecond', ${issuer?.ends_at ?? null}::timestamptz))`;
}

/** Ends the sessions of a person that are beyond the `keep` last used ones; their ids. */
export async function trimSessions(db: ISql, userId: string, keep: number): Promise<string[]> {
  const rows = await db<{ id: string }[]>`
    DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id IN
      (SELECT id FROM sessions WHERE user_id = ${userId} ORDER BY last_seen_at DESC, id DESC OFFSET ${keep})
      ORDER BY id FOR UPDATE)
    RETURNING id`;
  return rows.map(({ id }) => id);
}

export async function findActiveSessions(db: ISql, ids: readonly string[]): Promise<ActiveSessionRow[]> {
  return db<ActiveSessionRow[]>`${selectActive(db)} AND s.id = ANY(${[...ids]})`;
}

export async function findActiveSessionsByCookie(db: ISql, hashes: readonly string[]): Promise<ActiveSessionRow[]> {
  return db<ActiveSessionRow[]>`${selectActive(db)} AND s.cookie_hash = ANY(${[...hashes]})`;
}

/** Stores that sessions are in use, and extends them by `ttl` ms. */
export async function touchSessions(db: ISql, ids: readonly string[], ttl: number): Promise<void> {
  await db`
    UPDATE sessions s SET last_seen_at = clock_timestamp(),
      expires_at = least(clock_timestamp() + ${ttl} * interval '1 millisecond', ends_at)
    FROM (SELECT id FROM sessions WHERE id = ANY(${[...ids]}) AND expires_at > clock_timestamp() ORDER BY id FOR UPDATE) t
    WHERE s.id = t.id`;
}

export async function listSessions(db: ISql, userId: string): Promise<SessionRow[]> {
  return db<SessionRow[]>`
    SELECT id, device_name, ip, user_agent, created_at, last_seen_at FROM sessions
    WHERE user_id = ${userId} AND expires_at > clock_timestamp() ORDER BY last_seen_at DESC, id DESC`;
}

/** False when there is no such session of this person. */
export async function deleteSession(db: ISql, id: string, userId: string): Promise<boolean> {
  const rows = await db`DELETE FROM sessions WHERE id = ${id} AND user_id = ${userId} RETURNING id`;
  return rows.length > 0;
}

/** Ends the session with this cookie, of any person; returns its id, if there is one. */
export async function deleteSessionByCookie(db: ISql, cookieHash: string): Promise<string[]> {
  const rows = await db<{ id: string }[]>`DELETE FROM sessions WHERE cookie_hash = ${cookieHash} RETURNING id`;
  return rows.map(({ id }) => id);
}

/** Ends all sessions of a person, or all but one; the ids of those that ended. */
export async function deleteSessions(db: ISql, userId: string, except: string | null): Promise<string[]> {
  const rows = await db<{ id: string }[]>`
    DELETE FROM sessions WHERE id IN
      (SELECT id FROM sessions WHERE user_id = ${userId} AND id IS DISTINCT FROM ${except} ORDER BY id FOR UPDATE)
    RETURNING id`;
  return rows.map(({ id }) => id);
}

/** Removes at most `max` of them, those that ended first; their ids. */
export async function deleteExpiredSessions(db: ISql, max: number): Promise<string[]> {
  const rows = await db<{ id: string }[]>`
    DELETE FROM sessions WHERE id IN
      (SELECT id FROM sessions WHERE id = ANY (ARRAY(
        SELECT id FROM sessions WHERE expires_at <= clock_timestamp() ORDER BY expires_at LIMIT ${max}))
        AND expires_at <= clock_timestamp() ORDER BY id FOR UPDATE)
    RETURNING id`;
  return rows.map(({ id }) => id);
}

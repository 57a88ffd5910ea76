import { CODES } from "../../../protocol/codes.ts";
import { clampId } from "../../platform/postgres/any-id.ts";
import type { ISql } from "../../platform/postgres/sql.ts";

/** Whether a ban is in force, for a query that has users as `u`. */
export const hasActiveBan = (db: ISql) => db`
  EXISTS (SELECT FROM bans b WHERE b.user_id = u.id AND b.lifted_at IS NULL
          AND (b.until IS NULL OR b.until > clock_timestamp()))`;

/** Whether a person has no access, by a ban or because the account is disabled; likewise. */
export const isBanned = (db: ISql) => db`(u.disabled_at IS NOT NULL OR ${hasActiveBan(db)})`;

/** Of a person or of a range of addresses. */
export interface BanRow {
  id: string;
  user_id: string | null;
  username: string | null;
  ip_range: string | null;
  reason: string;
  until: Date | null;
  created_by: string;
  created_at: Date;
}

export async function insertBan(
  db: ISql,
  ban: {
    id: string;
    user_id: string | null;
    ip_range: string | null;
    reason: string;
    until: Date | null;
    created_by: string;
  },
): Promise<BanRow> {
  const [row] = await db<BanRow[]>`
    WITH b AS (INSERT INTO bans ${db.row(ban)} RETURNING *)
    SELECT b.id, b.user_id, u.username, b.ip_range, b.reason, b.until, b.created_by, b.created_at
    FROM b LEFT JOIN users u ON u.id = b.user_id`;
  return row!;
}

/** Why this user is banned or disabled, as the sentence for the user; null: they are not. */
export async function findBanReason(db: ISql, userId: string): Promise<string | null> {
  const [row] = await db<{ disabled: boolean; banned: boolean }[]>`
    SELECT disabled_at IS NOT NULL AS disabled, ${isBanned(db)} AS banned FROM users u WHERE id = ${userId}`;
  if (!row?.banned) return null;
  return row.disabled ? "This account is disabled." : CODES.banned.title;
}

/** Those in force, the newest first; `before` is a ban's id. */
export async function listBans(db: ISql, limit: number, before: string | null): Promise<BanRow[]> {
  return db<BanRow[]>`
    SELECT b.id, b.user_id, u.username, b.ip_range, b.reason, b.until, b.created_by, b.created_at
    FROM bans b LEFT JOIN users u ON u.id = b.user_id
    WHERE b.lifted_at IS NULL AND (b.until IS NULL OR b.until > clock_timestamp())
    ${before === null ? db`` : db`AND b.id::bigint < ${clampId(db, before)}`}
    ORDER BY b.id::bigint DESC LIMIT ${limit}`;
}

/** The banned ranges. */
export async function findBannedRanges(db: ISql): Promise<{ ip_range: string; until: Date | null }[]> {
  return db<{ ip_range: string; until: Date | null }[]>`
    SELECT ip_range, until FROM bans
    WHERE ip_range IS NOT NULL AND lifted_at IS NULL AND (until IS NULL OR until > clock_timestamp())`;
}

/** The addresses from which owners are signed in. */
export async function findOwnerAddresses(db: ISql): Promise<string[]> {
  const rows = await db<{ ip: string }[]>`
    SELECT DISTINCT s.ip FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE u.role = 'owner' AND s.ip IS NOT NULL AND s.expires_at > clock_timestamp()`;
  return rows.map(({ ip }) => ip);
}

/** What was banned; undefined when there is no such ban or it was lifted before. */
export async function liftBan(
  db: ISql,
  id: string,
  by: string,
): Promise<{ user_id: string | null; ip_range: string | null } | undefined> {
  const [row] = await db<{ user_id: string | null; ip_range: string | null }[]>`
    UPDATE bans SET lifted_by = ${by}, lifted_at = clock_timestamp()
    WHERE id = ${id} AND lifted_at IS NULL RETURNING user_id, ip_range`;
  return row;
}

/** All bans of a person, also lifted ones: for their export. */
export async function listUserBans(db: ISql, userId: string) {
  return db<{ reason: string; until: Date | null; created_at: Date; lifted_at: Date | null }[]>`
    SELECT reason, until, created_at, lifted_at FROM bans WHERE user_id = ${userId} ORDER BY created_at`;
}

import type { Role } from "../../../protocol/objects.ts";
import type { ISql } from "../../platform/postgres/sql.ts";
import { escapeLike } from "../../platform/search-key.ts";
import { hasActiveBan } from "./bans.ts";
import { matchesName } from "./users.ts";

/** A user as admins see them. */
export interface AccountRow {
  id: string;
  username: string;
  username_key: string;
  name: string | null;
  email: string | null;
  phone: string | null;
  role: Role;
  disabled: boolean;
  banned: boolean;
  created_at: Date;
  /** When one of their sessions was used last, to five minutes; null: they have none. */
  last_seen_at: Date | null;
}

export interface AccountFilter {
  /** A part of the e-mail address, username or name. */
  q: string | null;
  role: Role | null;
  status: "active" | "disabled" | "banned" | null;
}

const columns = (db: ISql) => db`
  u.id, u.username, u.username_key, u.name, u.email, u.phone, u.role, u.disabled_at IS NOT NULL AS disabled,
  ${hasActiveBan(db)} AS banned, u.created_at,
  (SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id) AS last_seen_at`;

/** In the order of usernames, after `after` (a username_key). */
export async function listAccounts(
  db: ISql,
  { q, role, status }: AccountFilter,
  limit: number,
  after: string | null,
): Promise<AccountRow[]> {
  const address = q === null ? null : `%${escapeLike(q.toLowerCase())}%`;
  const conditions = {
    active: db`AND u.disabled_at IS NULL AND NOT ${hasActiveBan(db)}`,
    disabled: db`AND u.disabled_at IS NOT NULL`,
    banned: db`AND ${hasActiveBan(db)}`,
  };
  return db<AccountRow[]>`
    SELECT ${columns(db)} FROM users u
    WHERE u.erased_at IS NULL
    ${q === null ? db`` : db`AND (${matchesName(db, q, "%")} OR u.email LIKE ${address})`}
    ${role === null ? db`` : db`AND u.role = ${role}`}
    ${status === null ? db`` : conditions[status]}
    ${after === null ? db`` : db`AND u.username_key > ${after}`}
    ORDER BY u.username_key LIMIT ${limit}`;
}

export async function findAccount(db: ISql, id: string): Promise<AccountRow | undefined> {
  const [row] = await db<AccountRow[]>`SELECT ${columns(db)} FROM users u WHERE u.id = ${id} AND u.erased_at IS NULL`;
  return row;
}

export async function setRole(db: ISql, id: string, role: Role): Promise<void> {
  await db`UPDATE users SET role = ${role} WHERE id = ${id}`;
}

export async function setDisabled(db: ISql, id: string, disabled: boolean): Promise<void> {
  await db`UPDATE users SET disabled_at = ${disabled ? db`clock_timestamp()` : db`NULL`} WHERE id = ${id}`;
}

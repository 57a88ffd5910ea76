import type { Role } from "../../../protocol/objects.ts";
import { banStands } from "./bans.ts";
import type { Db } from "./db.ts";

/** A person as admins see him. */
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
  /** When one of his sessions was used last, to five minutes; null: he has none. */
  last_seen_at: Date | null;
}

export interface AccountFilter {
  /** A part of the e-mail address, username or name, in lower case. */
  q: string | null;
  role: Role | null;
  status: "active" | "disabled" | "banned" | null;
}

const columns = (db: Db) => db`
  u.id, u.username, u.username_key, u.name, u.email, u.phone, u.role, u.disabled_at IS NOT NULL AS disabled,
  ${banStands(db)} AS banned, u.created_at,
  (SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id) AS last_seen_at`;

/** In the order of usernames, behind `after` (a username_key). */
export async function listAccounts(
  db: Db,
  { q, role, status }: AccountFilter,
  limit: number,
  after: string | null,
): Promise<AccountRow[]> {
  const like = q === null ? null : `%${q.replace(/[\\%_]/g, "\\$&")}%`;
  const stands = {
    active: db`AND u.disabled_at IS NULL AND NOT ${banStands(db)}`,
    disabled: db`AND u.disabled_at IS NOT NULL`,
    banned: db`AND ${banStands(db)}`,
  };
  return db<AccountRow[]>`
    SELECT ${columns(db)} FROM users u
    WHERE u.erased_at IS NULL
    ${like === null ? db`` : db`AND (u.username_key LIKE ${like} OR lower(u.name) LIKE ${like} OR lower(u.email) LIKE ${like})`}
    ${role === null ? db`` : db`AND u.role = ${role}`}
    ${status === null ? db`` : stands[status]}
    ${after === null ? db`` : db`AND u.username_key > ${after}`}
    ORDER BY u.username_key LIMIT ${limit}`;
}

export async function accountById(db: Db, id: string): Promise<AccountRow | undefined> {
  const [row] = await db<AccountRow[]>`SELECT ${columns(db)} FROM users u WHERE u.id = ${id} AND u.erased_at IS NULL`;
  return row;
}

export async function setRole(db: Db, id: string, role: Role): Promise<void> {
  await db`UPDATE users SET role = ${role} WHERE id = ${id}`;
}

export async function setDisabled(db: Db, id: string, disabled: boolean): Promise<void> {
  await db`UPDATE users SET disabled_at = ${disabled ? db`clock_timestamp()` : db`NULL`} WHERE id = ${id}`;
}

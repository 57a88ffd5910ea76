import { clampId } from "../../platform/postgres/any-id.ts";
import type { ISql } from "../../platform/postgres/sql.ts";
import { isBanned } from "./bans.ts";

export interface InviteRow {
  id: string;
  code: string;
  max_uses: number;
  uses: number;
  expires_at: Date | null;
  created_by: string;
  created_at: Date;
}

export async function insertInvite(
  db: ISql,
  invite: { id: string; code: string; max_uses: number; created_by: string },
  expiresIn: number | null,
): Promise<InviteRow> {
  const { id, code, max_uses, created_by } = invite;
  const [row] = await db<InviteRow[]>`
    INSERT INTO registration_invites (id, code, max_uses, created_by, expires_at)
    VALUES (${id}, ${code}, ${max_uses}, ${created_by}, clock_timestamp() + ${expiresIn}::float8 * interval '1 second')
    RETURNING *`;
  return row!;
}

/** Whether an invite `i` is valid: its creator could still create one. */
const isValid = (db: ISql, code: string) => db`
  i.code = ${code} AND i.uses < i.max_uses AND (i.expires_at IS NULL OR i.expires_at > clock_timestamp())
  AND EXISTS (SELECT FROM users u WHERE u.id = i.created_by AND u.role <> 'member' AND NOT ${isBanned(db)})`;

/** Counts one use; false when the code is unknown, used up or expired, or its creator no longer an admin. Undone with the transaction. */
export async function consumeInvite(db: ISql, code: string): Promise<boolean> {
  const rows = await db`UPDATE registration_invites i SET uses = uses + 1 WHERE ${isValid(db, code)} RETURNING id`;
  return rows.length > 0;
}

export async function isInviteValid(db: ISql, code: string): Promise<boolean> {
  const rows = await db`SELECT FROM registration_invites i WHERE ${isValid(db, code)}`;
  return rows.length > 0;
}

/** The newest first; `before` is an invite's id. */
export async function listInvites(db: ISql, limit: number, before: string | null): Promise<InviteRow[]> {
  return db<InviteRow[]>`
    SELECT * FROM registration_invites
    ${before === null ? db`` : db`WHERE id::bigint < ${clampId(db, before)}`}
    ORDER BY id::bigint DESC LIMIT ${limit}`;
}

/** False when there was none. */
export async function deleteInvite(db: ISql, id: string): Promise<boolean> {
  return (await db`DELETE FROM registration_invites WHERE id = ${id}`).count > 0;
}

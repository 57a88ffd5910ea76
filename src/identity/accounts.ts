import type { Role } from "../../protocol/objects.ts";
import { type AuditActor, recordAudit } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { Page } from "../platform/http/paging.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import { emitUserChanged, emitUserEnded, emitUserReadmitted } from "./access-changes.ts";
import { RANK } from "./bans.ts";
import type { IdentityContext } from "./identity-context.ts";
import { endSessionsIssuedTo } from "./issued-sessions.ts";
import * as store from "./store/accounts.ts";
import { deleteUserResets } from "./store/password-resets.ts";
import { deleteSessions } from "./store/sessions.ts";
import { lockOwner, lockUser, otherOwnerExists } from "./store/users.ts";
import { decodeCursor, encodeCursor } from "./users.ts";

/** A user as admins see them. */
export type Account = Omit<store.AccountRow, "username_key" | "created_at" | "last_seen_at"> & {
  created_at: string;
  last_seen_at: string | null;
};

/** People in the order of usernames, with the fields that only admins may see. */
export async function listAccounts(
  { sql }: IdentityContext,
  { limit, after, q, ...filter }: store.AccountFilter & { limit: number; after?: string },
): Promise<Page<Account>> {
  const from = after === undefined ? null : decodeCursor(after);
  const rows = await store.listAccounts(sql, { ...filter, q }, limit + 1, from);
  const data = rows.slice(0, limit);
  const next = rows.length > limit ? encodeCursor(data.at(-1)!.username_key) : null;
  return { data: data.map(toAccount), next, prev: null };
}

/**
 * Changes a person's role, or disables or enables the account: who is disabled is signed out everywhere and cannot sign in.
 * Only owners change roles; disabling, like banning, is possible for persons of a lower rank. Throws `not_found`, `forbidden`, and
 * `last_owner`: an owner must remain.
 */
export async function changeAccount(
  { transaction }: IdentityContext,
  who: AuditActor<UserCaller>,
  userId: string,
  { role, disabled }: { role?: Role; disabled?: boolean },
): Promise<Account> {
  const row = await transaction({ actor: who.caller.userId, reason: "account" }, async (tx) => {
    // Before the rows are locked: two owners who make each other members must not both find the other one.
    if (role !== undefined) await lockOwner(tx.sql);
    if (!(await lockUser(tx.sql, userId))) throw new AppError("not_found");
    const account = (await store.findAccount(tx.sql, userId))!;
    if (role !== undefined && role !== account.role) await changeRole(tx, who, account, role);
    if (disabled !== undefined && disabled !== account.disabled) await setDisabled(tx, who, account, disabled);
    return (await store.findAccount(tx.sql, userId))!;
  });
  return toAccount(row);
}

async function changeRole(tx: Tx, who: AuditActor<UserCaller>, account: store.AccountRow, to: Role): Promise<void> {
  if (who.caller.role !== "owner") throw new AppError("forbidden", "Only an owner can change roles.");
  if (account.role === "owner" && !(await otherOwnerExists(tx.sql, account.id))) throw new AppError("last_owner");
  await store.setRole(tx.sql, account.id, to);
  // Created while they had another role: no token of a service, and no link, stays valid after it.
  if (to !== "member") await endSessionsIssuedTo(tx, account.id);
  await deleteUserResets(tx.sql, account.id);
  emitUserChanged(tx, account.id);
  const detail = { from: account.role, to };
  await recordAudit(tx.sql, who, { action: "role:changed", subject: `user:${account.id}`, detail });
}

async function setDisabled(tx: Tx, who: AuditActor<UserCaller>, account: store.AccountRow, to: boolean): Promise<void> {
  if (account.id === who.caller.userId) throw new AppError("forbidden", "You cannot disable yourself.");
  if (RANK[account.role] >= RANK[who.caller.role])
    throw new AppError("forbidden", "You cannot disable or enable a person with your own role.");
  await store.setDisabled(tx.sql, account.id, to);
  if (to) {
    await deleteUserResets(tx.sql, account.id);
    emitUserEnded(tx, account.id, await deleteSessions(tx.sql, account.id, null), "banned");
  } else emitUserReadmitted(tx, account.id);
  await recordAudit(tx.sql, who, { action: to ? "user:disabled" : "user:enabled", subject: `user:${account.id}` });
}

function toAccount({ username_key: _key, created_at, last_seen_at, ...row }: store.AccountRow): Account {
  return { ...row, created_at: created_at.toISOString(), last_seen_at: last_seen_at?.toISOString() ?? null };
}

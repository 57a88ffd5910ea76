import { eraseFromAudit, listAudit } from "../platform/audit.ts";
import { AppError } from "../platform/errors.ts";
import { emitUserEnded } from "./access-changes.ts";
import type { IdentityContext } from "./identity-context.ts";
import { listUserBans } from "./store/bans.ts";
import { deleteUserResets } from "./store/password-resets.ts";
import { deleteSessions, listSessions } from "./store/sessions.ts";
import { blankUser, findUser, lockOwner, lockUser, otherOwnerExists } from "./store/users.ts";

/**
 * Removes a person's data from this module's tables. The id stays, with a name made of it: messages and bans refer to it.
 * Their sessions end and their sockets close. Throws `last_owner`: without an owner the next account created would become one.
 */
export async function eraseUser({ transaction }: IdentityContext, userId: string): Promise<void> {
  await transaction({ actor: userId }, async (tx) => {
    const { sql } = tx;
    await lockOwner(sql);
    const user = await lockUser(sql, userId);
    if (user?.role === "owner" && !(await otherOwnerExists(sql, userId))) throw new AppError("last_owner");
    emitUserEnded(tx, userId, await deleteSessions(sql, userId, null), "signed_out");
    await deleteUserResets(sql, userId);
    await eraseFromAudit(sql, userId);
    await blankUser(sql, userId);
  });
}

/** All data that this module stores about a user, as JSON values; null when there is no such person. */
export async function exportUser({ sql }: IdentityContext, userId: string): Promise<Record<string, unknown> | null> {
  const user = await findUser(sql, userId);
  if (!user) return null;
  const { password_hash: _secret, ...account } = user;
  return {
    account,
    sessions: await listSessions(sql, userId),
    bans: await listUserBans(sql, userId),
    acts: await listAudit(sql, userId),
  };
}

import { eraseFromAudit, listAudit } from "../platform/audit.ts";
import { AppError } from "../platform/errors.ts";
import { tellPersonEnded } from "./changes.ts";
import type { Parts } from "./parts.ts";
import { bansOf } from "./store/bans.ts";
import { deleteResetsOf } from "./store/password-resets.ts";
import { deleteSessions, listSessions } from "./store/sessions.ts";
import { blankUser, lockOwner, lockUser, otherOwnerExists, userById } from "./store/users.ts";

/**
 * Takes a person's data out of this module's tables. The id stays, with a name made of it: messages and bans refer to it.
 * His sessions end and their sockets close. Throws `last_owner`: without an owner the next account made would be one.
 */
export async function erasePerson({ transaction }: Parts, userId: string): Promise<void> {
  await transaction({ actor: userId }, async (tx) => {
    const { sql } = tx;
    await lockOwner(sql);
    const user = await lockUser(sql, userId);
    if (user?.role === "owner" && !(await otherOwnerExists(sql, userId))) throw new AppError("last_owner");
    tellPersonEnded(tx, userId, await deleteSessions(sql, userId, null), "signed_out");
    await deleteResetsOf(sql, userId);
    await eraseFromAudit(sql, userId);
    await blankUser(sql, userId);
  });
}

/** Everything that this module keeps of a person, as JSON values; null when there is no such person. */
export async function exportPerson({ sql }: Parts, userId: string): Promise<Record<string, unknown> | null> {
  const user = await userById(sql, userId);
  if (!user) return null;
  const { password_hash: _secret, ...account } = user;
  return {
    account,
    sessions: await listSessions(sql, userId),
    bans: await bansOf(sql, userId),
    acts: await listAudit(sql, userId),
  };
}

import { auditOf, eraseFromAudit } from "../platform/audit.ts";
import { AppError } from "../platform/errors.ts";
import type { Parts } from "./parts.ts";
import { bansOf } from "./store/bans.ts";
import { deleteResetsOf } from "./store/password-resets.ts";
import { deleteSessions, listSessions } from "./store/sessions.ts";
import { blankUser, lockOwner, lockUser, otherOwnerExists, userById } from "./store/users.ts";

/**
 * Takes a person's data out of this module's tables. The id stays, with a name made of it: messages and bans refer to it.
 * His sessions end and their sockets close. Throws `last_owner`: without an owner the next account made would be one.
 */
export async function erasePerson({ sql, living }: Parts, userId: string): Promise<void> {
  const ended = await sql.begin(async (tx) => {
    await lockOwner(tx);
    const user = await lockUser(tx, userId);
    if (user?.role === "owner" && !(await otherOwnerExists(tx, userId))) throw new AppError("last_owner");
    const sessions = await deleteSessions(tx, userId, null);
    await deleteResetsOf(tx, userId);
    await eraseFromAudit(tx, userId);
    await blankUser(tx, userId);
    return sessions;
  });
  living.endPerson(userId, ended, "signed_out");
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
    acts: await auditOf(sql, userId),
  };
}

import type { UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import { addressKey } from "../platform/http/rate-limit.ts";
import { tellSessionsEnded } from "./changes.ts";
import { checkPassword } from "./login.ts";
import { emailKey } from "./names.ts";
import type { Origin, Parts } from "./parts.ts";
import { HANDED_TTL, makeResetLink, SHOWN_TTL } from "./reset-links.ts";
import { hashOf } from "./secret.ts";
import * as resets from "./store/password-resets.ts";
import { deleteSessions } from "./store/sessions.ts";
import { lockUser, ownAccount, setPassword, userById } from "./store/users.ts";

/**
 * Sets a new password for the caller; his other sessions end. Throws `invalid_credentials`, `rate_limited`, and
 * `forbidden` for a person without a password here.
 */
export async function changePassword(
  parts: Parts,
  caller: UserCaller,
  change: { current: string; next: string },
  origin: Origin,
): Promise<void> {
  const { sql, transaction, passwords } = parts;
  const user = await userById(sql, caller.userId);
  if (!user || user.password_hash === null) throw new AppError("forbidden", "This person has no password here.");
  await checkPassword(parts, user, user.id, change.current, origin);
  const hash = await passwords.hash(change.next);
  await transaction({ actor: user.id }, async (tx) => {
    const now = await lockUser(tx.sql, user.id);
    if (now?.password_hash !== user.password_hash) throw new AppError("invalid_credentials");
    await setPassword(tx.sql, user.id, hash);
    await resets.deleteResetsOf(tx.sql, user.id);
    tellSessionsEnded(tx, await deleteSessions(tx.sql, user.id, caller.sessionId));
  });
}

/**
 * Sends a reset link to the address if an account has it; without a mail server the link shows on the owner's page.
 * The work is done behind the answer, which so tells nothing about the address, not even by its time. Throws `rate_limited`.
 */
export async function requestReset(parts: Parts, email: string, origin: Origin): Promise<void> {
  await parts.limits.take(["resetByAddress", addressKey(origin.address)]);
  void sendReset(parts, emailKey(email)).catch((error: unknown) =>
    parts.logger.error({ err: error }, "a password reset link could not be made or sent"),
  );
}

async function sendReset(parts: Parts, email: string): Promise<void> {
  const { sql, limits, mail, logger } = parts;
  const user = await ownAccount(sql, { email });
  if (!user) return;
  try {
    await limits.take(["resetByAccount", user.id]);
  } catch (error) {
    if (error instanceof AppError) return logger.info({ user_id: user.id }, "too many password reset links asked for");
    throw error;
  }
  if (mail === null) {
    await makeResetLink(parts, user.id, { ttl: SHOWN_TTL, shown: true });
    return;
  }
  const link = await makeResetLink(parts, user.id, { ttl: HANDED_TTL, shown: false });
  await mail.send({
    to: email,
    subject: "Set a new password",
    text: [
      `Hello ${user.username},`,
      "somebody, hopefully you, asked to set a new password for your account. Open this link within an hour:",
      link,
      "If it was not you, ignore this mail: nothing has changed.",
    ].join("\n\n"),
  });
}

/** Sets the password of the account a link was made for; all its sessions end. Throws `token_expired`. */
export async function resetPassword(
  { sql, transaction, passwords }: Parts,
  token: string,
  password: string,
): Promise<void> {
  // A wrong token costs no hash.
  if (!(await resets.resetStands(sql, hashOf(token)))) throw new AppError("token_expired");
  const hash = await passwords.hash(password);
  await transaction({ actor: "password reset" }, async (tx) => {
    const userId = await resets.takeReset(tx.sql, hashOf(token));
    if (userId === undefined) throw new AppError("token_expired");
    await lockUser(tx.sql, userId);
    await setPassword(tx.sql, userId, hash);
    tellSessionsEnded(tx, await deleteSessions(tx.sql, userId, null));
  });
}

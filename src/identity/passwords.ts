import { addressKey } from "../platform/address.ts";
import type { UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import { emitSessionsEnded } from "./access-changes.ts";
import type { ClientInfo, IdentityContext } from "./identity-context.ts";
import { checkPassword } from "./login.ts";
import { emailKey } from "./names.ts";
import { DIRECT_TTL_MS, LISTED_TTL_MS, makeResetLink } from "./reset-links.ts";
import { hashSecret } from "./secret.ts";
import * as resets from "./store/password-resets.ts";
import { deleteSessions } from "./store/sessions.ts";
import { findLocalAccount, findUser, lockUser, setPassword } from "./store/users.ts";

/**
 * Sets a new password for the caller; their other sessions end. Throws `invalid_credentials`, `rate_limited`, and
 * `forbidden` for a person without a password here.
 */
export async function changePassword(
  context: IdentityContext,
  caller: UserCaller,
  change: { current: string; next: string },
  client: ClientInfo,
): Promise<void> {
  const { sql, transaction, passwords } = context;
  const user = await findUser(sql, caller.userId);
  if (!user || user.password_hash === null) throw new AppError("forbidden", "This person has no password here.");
  await checkPassword(context, user, user.id, change.current, client);
  const hash = await passwords.hash(change.next);
  await transaction({ actor: user.id }, async (tx) => {
    const locked = await lockUser(tx.sql, user.id);
    if (locked?.password_hash !== user.password_hash) throw new AppError("invalid_credentials");
    await setPassword(tx.sql, user.id, hash);
    await resets.deleteUserResets(tx.sql, user.id);
    emitSessionsEnded(tx, await deleteSessions(tx.sql, user.id, caller.sessionId));
  });
}

/**
 * Sends a reset link to the address if an account has it; without a mail server the link is shown on the owner's page.
 * The work is done after the response, which so discloses nothing about the address, not even by its duration. Throws `rate_limited`.
 */
export async function requestReset(context: IdentityContext, email: string, client: ClientInfo): Promise<void> {
  await context.rateLimiter.consume(["resetByAddress", addressKey(client.address)]);
  void sendReset(context, emailKey(email)).catch((error: unknown) =>
    context.logger.error({ err: error }, "a password reset link could not be made or sent"),
  );
}

async function sendReset(context: IdentityContext, email: string): Promise<void> {
  const { sql, rateLimiter, mail, logger } = context;
  const user = await findLocalAccount(sql, { email });
  if (!user) return;
  try {
    await rateLimiter.consume(["resetByAccount", user.id]);
  } catch (error) {
    if (error instanceof AppError) return logger.info({ user_id: user.id }, "too many password reset links requested");
    throw error;
  }
  if (mail === null) {
    await makeResetLink(context, user.id, { ttl: LISTED_TTL_MS, isListed: true });
    return;
  }
  const link = await makeResetLink(context, user.id, { ttl: DIRECT_TTL_MS, isListed: false });
  await mail.send({
    to: email,
    subject: "Set a new password",
    text: [
      `Hello ${user.username},`,
      "someone, hopefully you, asked to set a new password for your account. Open this link within an hour:",
      link,
      "If it was not you, ignore this mail: nothing has changed.",
    ].join("\n\n"),
  });
}

/** Sets the password of the account a link was made for; all its sessions end. Throws `token_expired`. */
export async function resetPassword(
  { sql, transaction, passwords }: IdentityContext,
  token: string,
  password: string,
): Promise<void> {
  // A wrong token costs no hash.
  if (!(await resets.isResetValid(sql, hashSecret(token)))) throw new AppError("token_expired");
  const hash = await passwords.hash(password);
  await transaction({ actor: "password reset" }, async (tx) => {
    const userId = await resets.consumeReset(tx.sql, hashSecret(token));
    if (userId === undefined) throw new AppError("token_expired");
    await lockUser(tx.sql, userId);
    await setPassword(tx.sql, userId, hash);
    emitSessionsEnded(tx, await deleteSessions(tx.sql, userId, null));
  });
}

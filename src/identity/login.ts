import { addressKey } from "../platform/address.ts";
import { AppError, invalidFields } from "../platform/errors.ts";
import type { ClientInfo, IdentityContext } from "./identity-context.ts";
import { emailKey, usernameKey } from "./names.ts";
import { type SignedIn, startSession, toSignedIn } from "./sessions.ts";
import { findBanReason } from "./store/bans.ts";
import { findLocalAccount, lockUser, type UserRow } from "./store/users.ts";
import type { RateLimitKey } from "./stored-rate-limiter.ts";

/** The account: by e-mail address or by name. */
export type LoginName = { email: string } | { username: string };

/**
 * Signs in by password. An unknown name costs the same time as a wrong password and gets the same response.
 * Throws `invalid_credentials`, `banned`, `rate_limited`, `unavailable`.
 */
export async function login(
  context: IdentityContext,
  name: LoginName,
  password: string,
  client: ClientInfo,
  deviceName: string | null,
): Promise<SignedIn> {
  const key = "email" in name ? { email: emailKey(name.email) } : { username_key: usernameKey(name.username) };
  const user = await findLocalAccount(context.sql, key);
  const account = user?.id ?? JSON.stringify(key);
  await checkPassword(context, user, account, password, client);
  const session = await context.transaction({ actor: account }, async (tx) => {
    // The row is locked, so that a password change or a ban in between ends this session too.
    const locked = user && (await lockUser(tx.sql, user.id));
    if (!locked || locked.password_hash !== user.password_hash) throw new AppError("invalid_credentials");
    const banReason = await findBanReason(tx.sql, user.id);
    if (banReason !== null) throw new AppError("banned", banReason);
    return startSession(context, tx, user.id, client, deviceName);
  });
  return toSignedIn(context, user!, session);
}

/**
 * Checks a password against `user`'s, within the limits of the account and the address. Only wrong ones count.
 *
 * @param account what the limit applies to: known and unknown names alike
 */
export async function checkPassword(
  { rateLimiter, passwords }: IdentityContext,
  user: UserRow | undefined,
  account: string,
  password: string,
  client: ClientInfo,
): Promise<void> {
  const address = addressKey(client.address);
  // One after the other: an address over its limit leaves no row for the names that it invents, and its refused
  // attempts do not count against the account.
  const keys: RateLimitKey[] = [
    ["loginByAddress", address],
    ["login", account, address],
    ["loginByAccount", account],
  ];
  for (const key of keys) await rateLimiter.consume(key);
  if (!(await passwords.verify(password, user?.password_hash ?? null))) throw new AppError("invalid_credentials");
  await rateLimiter.refund(...keys);
}

/** The one name that was given. Throws `invalid` for none and for two. */
export function parseLoginName({ email, username }: { email?: string; username?: string }): LoginName {
  if (email !== undefined && username === undefined) return { email };
  if (username !== undefined && email === undefined) return { username };
  const errors = ["email", "username"].map((field) => ({
    pointer: `/${field}`,
    code: "exclusive",
    message: "exactly one of email and username is needed",
  }));
  throw invalidFields(errors, "Give either email or username.");
}

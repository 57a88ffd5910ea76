import { AppError } from "../platform/errors.ts";
import { addressKey } from "../platform/http/rate-limit.ts";
import type { Limited } from "./limits.ts";
import { emailKey, usernameKey } from "./names.ts";
import type { Origin, Parts } from "./parts.ts";
import { type SignedIn, signedIn, startSession } from "./sessions.ts";
import { whyShutOut } from "./store/bans.ts";
import { lockUser, ownAccount, type UserRow } from "./store/users.ts";

/** Whose password it is said to be: by address or by name. */
export type LoginName = { email: string } | { username: string };

/**
 * Signs in by password. An unknown name costs the same time as a wrong password and gets the same answer.
 * Throws `invalid_credentials`, `banned`, `rate_limited`, `unavailable`.
 */
export async function login(
  parts: Parts,
  name: LoginName,
  password: string,
  origin: Origin,
  deviceName: string | null,
): Promise<SignedIn> {
  const key = "email" in name ? { email: emailKey(name.email) } : { username_key: usernameKey(name.username) };
  const user = await ownAccount(parts.sql, key);
  const account = user?.id ?? JSON.stringify(key);
  await checkPassword(parts, user, account, password, origin);
  const session = await parts.transaction({ actor: account }, async (tx) => {
    // The row is locked, so that a password change or a ban that comes between ends this session too.
    const now = user && (await lockUser(tx.sql, user.id));
    if (!now || now.password_hash !== user.password_hash) throw new AppError("invalid_credentials");
    const shutOut = await whyShutOut(tx.sql, user.id);
    if (shutOut !== null) throw new AppError("banned", shutOut);
    return startSession(parts, tx, user.id, origin, deviceName);
  });
  return signedIn(parts, user!, session);
}

/**
 * Checks a password against `user`'s, within the limits of the account and the address. Only wrong ones count.
 *
 * @param account what the limit is kept for: known and unknown names alike
 */
export async function checkPassword(
  { limits, passwords }: Parts,
  user: UserRow | undefined,
  account: string,
  password: string,
  origin: Origin,
): Promise<void> {
  const address = addressKey(origin.address);
  // One after the other: an address that may try nothing more leaves no row for the names it invents, and what it may not
  // try on this account does not count against the account.
  const limited: Limited[] = [
    ["loginByAddress", address],
    ["login", account, address],
    ["loginByAccount", account],
  ];
  for (const one of limited) await limits.take(one);
  if (!(await passwords.verify(password, user?.password_hash ?? null))) throw new AppError("invalid_credentials");
  await limits.giveBack(...limited);
}

/** The one name that was given. Throws `invalid` for none and for two. */
export function oneName({ email, username }: { email?: string; username?: string }): LoginName {
  if (email !== undefined && username === undefined) return { email };
  if (username !== undefined && email === undefined) return { username };
  throw new AppError("invalid", "Give either email or username.", {
    errors: ["email", "username"].map((field) => ({
      pointer: `/${field}`,
      code: "exclusive",
      message: "exactly one of email and username is needed",
    })),
  });
}

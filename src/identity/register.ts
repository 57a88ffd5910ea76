import { AppError } from "../platform/errors.ts";
import { addressKey } from "../platform/http/rate-limit.ts";
import { brokenUnique } from "../platform/postgres/failures.ts";
import { emailKey, isReserved, nameSearchKey, usernameColumns } from "./names.ts";
import type { Origin, Parts } from "./parts.ts";
import { type SignedIn, signedIn, startSession } from "./sessions.ts";
import type { Db } from "./store/db.ts";
import { inviteStands, takeInvite } from "./store/invites.ts";
import { insertUser, lockOwner, ownerExists, takenBy } from "./store/users.ts";

export interface NewAccount {
  email: string;
  username: string;
  password: string;
  name: string | null;
  phone: string | null;
  inviteCode: string | null;
}

/**
 * Makes an account and signs it in. The very first one becomes the owner, whatever REGISTRATION says; for all others it holds.
 * Throws `registration_closed`, `invite_needed`, `email_taken`, `username_taken`, `rate_limited`, `unavailable`.
 */
export async function register(parts: Parts, account: NewAccount, origin: Origin): Promise<SignedIn> {
  const { sql, transaction, ids, passwords, limits } = parts;
  await limits.take(["register", addressKey(origin.address)]);
  // Asked here so that a closed door costs no hash; decided below, under the lock.
  if (await ownerExists(sql)) await admit(parts, account.inviteCode, (code) => inviteStands(sql, code));
  const password_hash = await passwords.hash(account.password);
  const { user, session } = await transaction({ actor: "registration" }, async (tx) => {
    const first = await isFirst(tx.sql);
    if (!first) {
      refuseReserved(account.username);
      await admit(parts, account.inviteCode, (code) => takeInvite(tx.sql, code));
    }
    const wanted = {
      id: ids.next(),
      ...usernameColumns(account.username),
      name: account.name,
      name_search_key: nameSearchKey(account.name),
      email: emailKey(account.email),
      phone: account.phone,
      role: first ? ("owner" as const) : ("member" as const),
      password_hash,
    };
    const user = await insertUser(tx.sql, wanted);
    // Who had it may have gone in this moment: then it can be tried again.
    if (user === undefined) throw takenOf(await takenBy(tx.sql, wanted)) ?? new AppError("unavailable");
    return { user, session: await startSession(parts, tx, user.id, origin, null) };
  });
  return signedIn(parts, user, session);
}

/** Who may register, and whether the owner's account is still to be made: for the set-up page. */
export async function registration({ sql, config }: Parts) {
  return { owner_exists: await ownerExists(sql), mode: config.REGISTRATION };
}

/** Decided under a lock until there is an owner; later the lock is not asked for. */
async function isFirst(tx: Db): Promise<boolean> {
  if (await ownerExists(tx)) return false;
  await lockOwner(tx);
  return !(await ownerExists(tx));
}

async function admit(
  { config }: Parts,
  code: string | null,
  stands: (code: string) => Promise<boolean>,
): Promise<void> {
  if (config.REGISTRATION === "open") return;
  if (config.REGISTRATION === "closed") throw new AppError("registration_closed");
  if (code === null) throw new AppError("invite_needed", "Registration on this server needs an invitation code.");
  if (await stands(code)) return;
  throw new AppError("invite_needed", "This invitation code is unknown, used up or expired. Ask for a new one.");
}

/** Throws `username_taken` for a name that would speak for the server. */
export function refuseReserved(username: string): void {
  if (isReserved(username)) throw new AppError("username_taken", "This name is reserved. Choose a different one.");
}

/** The field whose uniqueness an update broke; null for any other error. */
export function takenError(error: unknown): AppError | null {
  return takenOf(brokenUnique(error));
}

function takenOf(constraint: string | null): AppError | null {
  if (constraint === "users_email") return new AppError("email_taken");
  if (constraint === "users_username") return new AppError("username_taken");
  if (constraint === "users_skeleton")
    return new AppError("username_taken", "Another person has a name that looks the same. Choose a different one.");
  return null;
}

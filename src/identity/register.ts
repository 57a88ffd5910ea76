import type { z } from "zod";
import { addressKey } from "../platform/address.ts";
import { AppError } from "../platform/errors.ts";
import { getViolatedUnique } from "../platform/postgres/database-errors.ts";
import type { ISql } from "../platform/postgres/sql.ts";
import type { ClientInfo, IdentityContext } from "./identity-context.ts";
import { emailKey, isReserved, nameSearchKey, toUsernameColumns } from "./names.ts";
import type { RegisterBody } from "./routes/schemas.ts";
import { type SignedIn, startSession, toSignedIn } from "./sessions.ts";
import { checkSetupCode, needsSetupCode } from "./setup-code.ts";
import { consumeInvite, isInviteValid } from "./store/invites.ts";
import { findTakenConstraint, insertUser, lockOwner, ownerExists } from "./store/users.ts";

export interface NewAccount {
  email: string;
  username: string;
  password: string;
  name: string | null;
  phone: string | null;
  inviteCode: string | null;
  /** For the first account, when it is created from another machine. */
  setupCode: string | null;
}

export function toNewAccount({
  name = null,
  phone = null,
  invite_code: inviteCode = null,
  setup_code: setupCode = null,
  ...account
}: z.infer<typeof RegisterBody>): NewAccount {
  return { ...account, name, phone, inviteCode, setupCode };
}

/**
 * Creates an account and signs it in. The first one becomes the owner, whatever REGISTRATION says; it applies to all others.
 * Throws `setup_code_needed`, `registration_closed`, `invite_needed`, `email_taken`, `username_taken`, `rate_limited`, `unavailable`.
 */
export async function register(context: IdentityContext, account: NewAccount, client: ClientInfo): Promise<SignedIn> {
  const { sql, transaction, ids, passwords, rateLimiter } = context;
  await rateLimiter.consume(["register", addressKey(client.address)]);
  // Checked here so that a closed registration costs no hash; decided below, under the lock.
  if (await ownerExists(sql)) await checkRegistration(context, account.inviteCode, (code) => isInviteValid(sql, code));
  else await checkSetupCode(context, account.setupCode, client);
  const password_hash = await passwords.hash(account.password);
  const { user, session } = await transaction({ actor: "registration" }, async (tx) => {
    const first = await isFirstAccount(tx.sql);
    if (first) await checkSetupCode(context, account.setupCode, client);
    else {
      refuseReserved(account.username);
      await checkRegistration(context, account.inviteCode, (code) => consumeInvite(tx.sql, code));
    }
    const wanted = {
      id: ids.next(),
      ...toUsernameColumns(account.username),
      name: account.name,
      name_search_key: nameSearchKey(account.name),
      email: emailKey(account.email),
      phone: account.phone,
      role: first ? ("owner" as const) : ("member" as const),
      password_hash,
    };
    const user = await insertUser(tx.sql, wanted);
    // The name may have become free in this moment: then it can be tried again.
    if (user === undefined)
      throw getTakenError(await findTakenConstraint(tx.sql, wanted)) ?? new AppError("unavailable");
    return { user, session: await startSession(context, tx, user.id, client, null) };
  });
  return toSignedIn(context, user, session);
}

/** Who may register, whether the owner's account does not exist yet, and whether it requires the set-up code: for the set-up page. */
export async function getRegistration(context: IdentityContext, isLocal: boolean) {
  const owner_exists = await ownerExists(context.sql);
  return {
    owner_exists,
    mode: context.config.REGISTRATION,
    setup_code_needed: !owner_exists && needsSetupCode(context, isLocal),
  };
}

/** Decided under a lock until there is an owner; later the lock is not taken. */
async function isFirstAccount(tx: ISql): Promise<boolean> {
  if (await ownerExists(tx)) return false;
  await lockOwner(tx);
  return !(await ownerExists(tx));
}

async function checkRegistration(
  { config }: IdentityContext,
  code: string | null,
  isValid: (code: string) => Promise<boolean>,
): Promise<void> {
  if (config.REGISTRATION === "open") return;
  if (config.REGISTRATION === "closed") throw new AppError("registration_closed");
  if (code === null) throw new AppError("invite_needed", "Registration on this server needs an invitation code.");
  if (await isValid(code)) return;
  throw new AppError("invite_needed", "This invitation code is unknown, used up or expired. Ask for a new one.");
}

/** Throws `username_taken` for a name that would speak for the server. */
export function refuseReserved(username: string): void {
  if (isReserved(username)) throw new AppError("username_taken", "This name is reserved. Choose a different one.");
}

/** The field whose uniqueness an update broke; null for any other error. */
export function toTakenError(error: unknown): AppError | null {
  return getTakenError(getViolatedUnique(error));
}

function getTakenError(constraint: string | null): AppError | null {
  if (constraint === "users_email") return new AppError("email_taken");
  if (constraint === "users_username") return new AppError("username_taken");
  if (constraint === "users_skeleton")
    return new AppError("username_taken", "Another person has a name that looks the same. Choose a different one.");
  return null;
}

import { type AuditActor, recordAudit } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { IdentityContext } from "./identity-context.ts";
import { emailKey, usernameKey } from "./names.ts";
import { hashSecret, newSecret } from "./secret.ts";
import * as resets from "./store/password-resets.ts";
import { findLocalAccount } from "./store/users.ts";

/** Lifetime in ms of a link that its person gets at once: in a mail, or printed by a command. */
export const DIRECT_TTL_MS = 3_600_000;
/** Lifetime in ms of a link that the owner has to read and hand over first. */
export const LISTED_TTL_MS = 24 * DIRECT_TTL_MS;

/**
 * Creates the link with which a person may set a new password, once; an earlier one no longer works.
 *
 * @param ttl ms
 * @param shown whether it is also shown on the owner's page until then
 */
export async function makeResetLink(
  { sql, publicUrl }: Pick<IdentityContext, "sql" | "publicUrl">,
  userId: string,
  { ttl, isListed }: { ttl: number; isListed: boolean },
): Promise<string> {
  const token = newSecret();
  await resets.upsertReset(
    sql,
    { hash: hashSecret(token), user_id: userId, shown_token: isListed ? token : null },
    ttl,
  );
  return formatResetLink(publicUrl, token);
}

/** The same for the account with this username or e-mail address that was created here; null when there is none. */
export async function makeResetLinkFor(
  context: Pick<IdentityContext, "sql" | "publicUrl">,
  nameOrEmail: string,
): Promise<{ username: string; link: string } | null> {
  // A username has no "@".
  const by = nameOrEmail.includes("@") ? { email: emailKey(nameOrEmail) } : { username_key: usernameKey(nameOrEmail) };
  const user = await findLocalAccount(context.sql, by);
  if (user === undefined) return null;
  return {
    username: user.username,
    link: await makeResetLink(context, user.id, { ttl: DIRECT_TTL_MS, isListed: false }),
  };
}

/** The links that wait to be handed over: there are some only where no mail server is set. */
export async function listResetLinks({ sql, publicUrl }: IdentityContext, who: AuditActor<UserCaller>) {
  const rows = await sql.begin(async (tx) => {
    const shown = await resets.listResets(tx);
    // Who reads a link could use it: reading is audited, if there is one.
    const detail = { user_ids: shown.map(({ user_id }) => user_id) };
    if (shown.length > 0) await recordAudit(tx, who, { action: "reset-links:read", subject: "reset-links", detail });
    return shown;
  });
  return rows.map((row) => ({
    user_id: row.user_id,
    username: row.username,
    url: formatResetLink(publicUrl, row.shown_token),
    requested_at: row.requested_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
  }));
}

/** The page `web/app/routes/reset-token.tsx`. */
function formatResetLink(publicUrl: string, token: string): string {
  return `${publicUrl}/reset/${token}`;
}

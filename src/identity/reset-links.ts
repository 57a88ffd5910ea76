import { type AuditActor, recordAudit } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import { emailKey, usernameKey } from "./names.ts";
import type { Parts } from "./parts.ts";
import { hashOf, newSecret } from "./secret.ts";
import * as resets from "./store/password-resets.ts";
import { ownAccount } from "./store/users.ts";

/** Life of a link that its person gets at once: in a mail, or printed by a command. */
export const HANDED_TTL = 3_600_000;
/** Life of a link that the owner has to see first and to hand over. */
export const SHOWN_TTL = 24 * HANDED_TTL;

/**
 * Makes the link with which a person may set a new password, once; an earlier one works no longer.
 *
 * @param ttl ms
 * @param shown whether it also stands on the owner's page until then
 */
export async function makeResetLink(
  { sql, publicUrl }: Pick<Parts, "sql" | "publicUrl">,
  userId: string,
  { ttl, shown }: { ttl: number; shown: boolean },
): Promise<string> {
  const token = newSecret();
  await resets.upsertReset(sql, { hash: hashOf(token), user_id: userId, shown_token: shown ? token : null }, ttl);
  return resetLink(publicUrl, token);
}

/** The same for whoever has this username or e-mail address and an account made here; null when nobody has. */
export async function resetLinkFor(
  parts: Pick<Parts, "sql" | "publicUrl">,
  nameOrEmail: string,
): Promise<{ username: string; link: string } | null> {
  // A username has no "@".
  const by = nameOrEmail.includes("@") ? { email: emailKey(nameOrEmail) } : { username_key: usernameKey(nameOrEmail) };
  const user = await ownAccount(parts.sql, by);
  if (user === undefined) return null;
  return { username: user.username, link: await makeResetLink(parts, user.id, { ttl: HANDED_TTL, shown: false }) };
}

/** The links that wait to be handed over: there are some only where no mail server is set. */
export async function shownResetLinks({ sql, publicUrl }: Parts, who: AuditActor<UserCaller>) {
  const rows = await sql.begin(async (tx) => {
    const shown = await resets.shownResets(tx);
    // Whoever reads a link could use it: that is an act, where there is one.
    const detail = { user_ids: shown.map(({ user_id }) => user_id) };
    if (shown.length > 0) await recordAudit(tx, who, { action: "reset-links:read", subject: "reset-links", detail });
    return shown;
  });
  return rows.map((row) => ({
    user_id: row.user_id,
    username: row.username,
    url: resetLink(publicUrl, row.shown_token),
    requested_at: row.requested_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
  }));
}

/** The page `web/app/routes/reset-token.tsx`. */
function resetLink(publicUrl: string, token: string): string {
  return `${publicUrl}/reset/${token}`;
}

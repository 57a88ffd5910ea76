import { randomBytes } from "node:crypto";
import { type AuditActor, recordAudit } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { Page } from "../platform/http/paging.ts";
import type { IdentityContext } from "./identity-context.ts";
import * as store from "./store/invites.ts";

/** A code with which people may register where REGISTRATION is `invite`. */
export interface RegistrationInvite {
  id: string;
  code: string;
  /** The URL of the page with the code filled in. */
  url: string;
  max_uses: number;
  uses: number;
  /** Null: never. */
  expires_at: string | null;
  created_by: string;
  created_at: string;
}

/** @param expiresIn seconds; null: never */
export async function createInvite(
  { sql, ids, publicUrl }: IdentityContext,
  who: AuditActor<UserCaller>,
  { maxUses, expiresIn }: { maxUses: number; expiresIn: number | null },
): Promise<RegistrationInvite> {
  const code = randomBytes(12).toString("base64url");
  const invite = { id: ids.next(), code, max_uses: maxUses, created_by: who.caller.userId };
  const row = await sql.begin(async (tx) => {
    const detail = { max_uses: maxUses, expires_in: expiresIn };
    await recordAudit(tx, who, { action: "invite:made", subject: `invite:${invite.id}`, detail });
    return store.insertInvite(tx, invite, expiresIn);
  });
  return toInvite(row, publicUrl);
}

/** The newest first; also those that are used up, as a record of who invited whom. */
export async function listInvites(
  { sql, publicUrl }: IdentityContext,
  { limit, after }: { limit: number; after?: string },
): Promise<Page<RegistrationInvite>> {
  const rows = await store.listInvites(sql, limit + 1, after ?? null);
  const data = rows.slice(0, limit).map((row) => toInvite(row, publicUrl));
  return { data, next: rows.length > limit ? data.at(-1)!.id : null, prev: null };
}

/** Makes its code invalid. Removing it again changes nothing. */
export async function removeInvite(
  { sql }: IdentityContext,
  who: AuditActor<UserCaller>,
  inviteId: string,
): Promise<void> {
  await sql.begin(async (tx) => {
    if (await store.deleteInvite(tx, inviteId))
      await recordAudit(tx, who, { action: "invite:removed", subject: `invite:${inviteId}` });
  });
}

function toInvite(row: store.InviteRow, publicUrl: string): RegistrationInvite {
  return {
    ...row,
    url: `${publicUrl}/register?invite=${row.code}`,
    expires_at: row.expires_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}

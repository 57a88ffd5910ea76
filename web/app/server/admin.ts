import { UsherError } from "../../../sdk/errors.ts";
import type { Page } from "../../../sdk/rest.ts";
import type { Hub } from "./hub.ts";

/** The rows of the API that only the page of the owner and the admins uses. */

export interface Invite {
  id: string;
  code: string;
  url: string;
  max_uses: number;
  uses: number;
  expires_at: string | null;
}

export interface ResetLink {
  user_id: string;
  username: string;
  url: string;
  requested_at: string;
  expires_at: string;
}

export interface Ban {
  id: string;
  user_id: string;
  username: string;
  reason: string;
  until: string | null;
}

export async function readAdmin({ call, rest }: Hub) {
  const [meta, invites, resets, bans] = await Promise.all([
    rest.meta(),
    call<Page<Invite>>("GET", "/registration-invites", { query: { limit: 100 } }),
    readResetLinks(call),
    call<Page<Ban>>("GET", "/admin/bans", { query: { limit: 100 } }),
  ]);
  return { registration: meta.registration, invites: invites.data, resets, bans: bans.data };
}

/** Null for who is not the owner: a link is the account it belongs to. */
async function readResetLinks(call: Hub["call"]): Promise<ResetLink[] | null> {
  try {
    return (await call<{ data: ResetLink[] }>("GET", "/admin/password-reset-links")).data;
  } catch (error) {
    if (error instanceof UsherError && error.code === "forbidden") return null;
    throw error;
  }
}

export function createInvite({ call }: Hub, max_uses: number, expires_in: number | null) {
  return call<Invite>("POST", "/registration-invites", { body: { max_uses, expires_in } });
}

export function removeInvite({ call }: Hub, inviteId: string) {
  return call<void>("DELETE", `/registration-invites/${encodeURIComponent(inviteId)}`);
}

export function ban({ call }: Hub, user_id: string, reason: string, until: string | null) {
  return call<Ban>("POST", "/admin/bans", { body: { user_id, reason, ...(until === null ? {} : { until }) } });
}

export function liftBan({ call }: Hub, banId: string) {
  return call<void>("DELETE", `/admin/bans/${encodeURIComponent(banId)}`);
}

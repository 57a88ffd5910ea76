import type { Page } from "../../../sdk/rest.ts";
import type { Hub } from "./hub.ts";

/** The rows of the API that only the owner's page uses. */

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
    call<Page<Invite>>("GET", "/admin/invites", { query: { limit: 100 } }),
    call<Page<ResetLink>>("GET", "/admin/password-resets"),
    call<Page<Ban>>("GET", "/admin/bans", { query: { limit: 100 } }),
  ]);
  return { registration: meta.registration, invites: invites.data, resets: resets.data, bans: bans.data };
}

export function createInvite({ call }: Hub, max_uses: number, expires_in: number | null) {
  return call<Invite>("POST", "/admin/invites", { body: { max_uses, expires_in } });
}

export function removeInvite({ call }: Hub, inviteId: string) {
  return call<void>("DELETE", `/admin/invites/${encodeURIComponent(inviteId)}`);
}

export function ban({ call }: Hub, user_id: string, reason: string, until: string | null) {
  return call<Ban>("POST", "/admin/bans", { body: { user_id, reason, ...(until === null ? {} : { until }) } });
}

export function liftBan({ call }: Hub, banId: string) {
  return call<void>("DELETE", `/admin/bans/${encodeURIComponent(banId)}`);
}

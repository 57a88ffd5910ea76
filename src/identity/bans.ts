import { covers, formatRange, parseRange, type Range } from "../platform/address-ranges.ts";
import { type AuditActor, recordAudit } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import { AppError, invalidField } from "../platform/errors.ts";
import type { Page } from "../platform/http/paging.ts";
import type { ISql } from "../platform/postgres/sql.ts";
import { emitSessionsEnded, emitUserEnded, emitUserReadmitted } from "./access-changes.ts";
import type { IdentityContext } from "./identity-context.ts";
import { emitRangesChanged } from "./range-bans.ts";
import * as store from "./store/bans.ts";
import { deleteUserResets } from "./store/password-resets.ts";
import { deleteSessions } from "./store/sessions.ts";
import { lockUser } from "./store/users.ts";

/** The addresses by which this machine reaches itself: its pages, its probes, a proxy on it. */
const LOOPBACK = [parseRange("127.0.0.1")!, parseRange("::1")!];

/** Ranks: a user may act only on those of a lower rank. */
export const RANK = { owner: 2, admin: 1, member: 0 } as const;

export interface Ban {
  id: string;
  /** A ban is of a person or of a range of addresses; the other field is null. */
  user_id: string | null;
  username: string | null;
  ip_range: string | null;
  reason: string;
  /** Null: until it is lifted. */
  until: string | null;
  created_by: string;
  created_at: string;
}

interface BanTerms {
  reason: string;
  /** Null: until it is lifted. */
  until: Date | null;
}

/**
 * Bans a person: they can neither sign in, refresh nor connect, and all their sockets close now. Their sessions end for good.
 * Throws `not_found`, and `forbidden` for oneself and for users with the caller's role or a higher one.
 */
export async function ban(
  { transaction, ids, now }: IdentityContext,
  who: AuditActor<UserCaller>,
  what: BanTerms & { userId: string },
): Promise<Ban> {
  refusePast(what, now());
  const { caller } = who;
  const row = await transaction({ actor: caller.userId, reason: "ban" }, async (tx) => {
    const user = await lockUser(tx.sql, what.userId);
    if (!user) throw new AppError("not_found");
    if (user.id === caller.userId) throw new AppError("forbidden", "You cannot ban yourself.");
    if (RANK[user.role] >= RANK[caller.role])
      throw new AppError("forbidden", "You cannot ban a person with your own role.");
    await deleteUserResets(tx.sql, user.id);
    emitUserEnded(tx, user.id, await deleteSessions(tx.sql, user.id, null), "banned");
    const { userId: user_id, reason, until } = what;
    const ban = { id: ids.next(), user_id, ip_range: null, reason, until, created_by: caller.userId };
    await recordAudit(tx.sql, who, {
      action: "ban:made",
      subject: `user:${user.id}`,
      detail: { ban_id: ban.id, until },
    });
    return store.insertBan(tx.sql, ban);
  });
  return toBan(row);
}

/**
 * Bans a range of addresses: all requests from there are refused, whichever caller sends them, and its open connections close now.
 * Throws `invalid` for a malformed range, and `forbidden` for one that contains the caller's own address, this machine's own, or one
 * from which a user of a higher rank is signed in.
 */
export async function banRange(
  { transaction, ids, now, whenRangeBansApplied }: IdentityContext,
  who: AuditActor<UserCaller>,
  what: BanTerms & { ipRange: string },
): Promise<Ban> {
  refusePast(what, now());
  const range = parseRange(what.ipRange);
  if (range === null) {
    const message = "must be an address or a range, such as 192.0.2.0/24 or 2001:db8::/48 (of IPv6 no less than a /64)";
    throw invalidField("/ip_range", "invalid_value", message);
  }
  const own = who.address === null ? null : parseRange(who.address);
  if (own !== null && covers(range, own)) throw new AppError("forbidden", "Your own address is in this range.");
  if (LOOPBACK.some((address) => covers(range, address)))
    throw new AppError("forbidden", "This machine's own address is in this range.");
  const row = await transaction({ actor: who.caller.userId, reason: "ban" }, async (tx) => {
    if (who.caller.role !== "owner") await refuseOwnerAddresses(tx.sql, range);
    const { reason, until } = what;
    const ip_range = formatRange(range);
    const ban = { id: ids.next(), user_id: null, ip_range, reason, until, created_by: who.caller.userId };
    await recordAudit(tx.sql, who, {
      action: "ban:made",
      subject: `range:${ip_range}`,
      detail: { ban_id: ban.id, until },
    });
    emitRangesChanged(tx);
    return store.insertBan(tx.sql, ban);
  });
  await whenRangeBansApplied();
  return toBan(row);
}

async function refuseOwnerAddresses(db: ISql, range: Range): Promise<void> {
  const addresses = await store.findOwnerAddresses(db);
  if (addresses.map(parseRange).some((address) => address !== null && covers(range, address)))
    throw new AppError("forbidden", "An owner is signed in from this range.");
}

/** Lifts a ban. Lifting it again changes nothing. Throws `forbidden` as `ban` does: who may not ban a user may not lift their bans. */
export async function liftBan(
  { transaction, whenRangeBansApplied }: IdentityContext,
  who: AuditActor<UserCaller>,
  banId: string,
): Promise<void> {
  await transaction({ actor: who.caller.userId, reason: "ban" }, async (tx) => {
    const lifted = await store.liftBan(tx.sql, banId, who.caller.userId);
    if (lifted === undefined) return;
    const { user_id, ip_range } = lifted;
    if (user_id !== null) {
      const user = await lockUser(tx.sql, user_id);
      if (user && RANK[user.role] >= RANK[who.caller.role])
        throw new AppError("forbidden", "You cannot lift a ban of a person with your own role.");
      emitUserReadmitted(tx, user_id);
    } else emitRangesChanged(tx);
    const subject = user_id !== null ? `user:${user_id}` : `range:${ip_range}`;
    await recordAudit(tx.sql, who, { action: "ban:lifted", subject, detail: { ban_id: banId } });
  });
  await whenRangeBansApplied();
}

/** The bans in force, the newest first. */
export async function listBans(
  { sql }: IdentityContext,
  { limit, after }: { limit: number; after?: string },
): Promise<Page<Ban>> {
  const rows = await store.listBans(sql, limit + 1, after ?? null);
  const data = rows.slice(0, limit).map(toBan);
  return { data, next: rows.length > limit ? data.at(-1)!.id : null, prev: null };
}

/**
 * Ends all sessions of a person, whose sockets close now; they may sign in again. Throws `not_found`, and `forbidden` as `ban` does
 * (one's own: DELETE /auth/sessions).
 */
export async function endUserSessions(
  { transaction }: IdentityContext,
  who: AuditActor<UserCaller>,
  userId: string,
): Promise<void> {
  await transaction({ actor: who.caller.userId, reason: "sessions ended" }, async (tx) => {
    const user = await lockUser(tx.sql, userId);
    if (!user) throw new AppError("not_found");
    if (RANK[user.role] >= RANK[who.caller.role])
      throw new AppError("forbidden", "You cannot end the sessions of a person with your own role.");
    const ended = await deleteSessions(tx.sql, userId, null);
    if (ended.length === 0) return;
    emitSessionsEnded(tx, ended);
    const detail = { count: ended.length };
    await recordAudit(tx.sql, who, { action: "sessions:ended", subject: `user:${userId}`, detail });
  });
}

function refusePast({ until }: BanTerms, now: number): void {
  if (until === null || until.getTime() > now) return;
  throw invalidField("/until", "past", "must be in the future");
}

function toBan(row: store.BanRow): Ban {
  return { ...row, until: row.until?.toISOString() ?? null, created_at: row.created_at.toISOString() };
}

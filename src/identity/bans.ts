import { type By, record } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { Page } from "../platform/http/paging.ts";
import { tellPersonEnded, tellPersonReadmitted } from "./changes.ts";
import type { Parts } from "./parts.ts";
import * as store from "./store/bans.ts";
import { deleteSessions } from "./store/sessions.ts";
import { lockUser } from "./store/users.ts";

const RANK = { owner: 2, admin: 1, member: 0 } as const;

export interface Ban {
  id: string;
  user_id: string;
  username: string;
  reason: string;
  /** Null: until it is lifted. */
  until: string | null;
  created_by: string;
  created_at: string;
}

/**
 * Bans a person: he can neither sign in, refresh nor connect, and all his sockets close now. His sessions end for good.
 * Throws `not_found`, and `forbidden` for oneself and for whoever has the caller's role or a higher one.
 */
export async function ban(
  { transaction, ids, now }: Parts,
  who: By<UserCaller>,
  what: { userId: string; reason: string; until: Date | null },
): Promise<Ban> {
  if (what.until !== null && what.until.getTime() <= now()) {
    const errors = [{ pointer: "/until", code: "past", message: "must be in the future" }];
    throw new AppError("invalid", undefined, { errors });
  }
  const { caller } = who;
  const row = await transaction({ actor: caller.userId, reason: "ban" }, async (tx) => {
    const user = await lockUser(tx.sql, what.userId);
    if (!user) throw new AppError("not_found");
    if (user.id === caller.userId) throw new AppError("forbidden", "You cannot ban yourself.");
    if (RANK[user.role] >= RANK[caller.role])
      throw new AppError("forbidden", "You cannot ban somebody of your own rank.");
    tellPersonEnded(tx, user.id, await deleteSessions(tx.sql, user.id, null), "banned");
    const { userId: user_id, reason, until } = what;
    const ban = { id: ids.next(), user_id, reason, until, created_by: caller.userId };
    await record(tx.sql, who, { action: "ban:made", subject: `user:${user.id}`, detail: { ban_id: ban.id, until } });
    return store.insertBan(tx.sql, ban);
  });
  return shown(row);
}

/** Lifts a ban. Lifting it again changes nothing. */
export async function lift({ transaction }: Parts, who: By<UserCaller>, banId: string): Promise<void> {
  await transaction({ actor: who.caller.userId, reason: "ban" }, async (tx) => {
    const user = await store.liftBan(tx.sql, banId, who.caller.userId);
    if (user === undefined) return;
    tellPersonReadmitted(tx, user);
    await record(tx.sql, who, { action: "ban:lifted", subject: `user:${user}`, detail: { ban_id: banId } });
  });
}

/** The bans that stand, the newest first. */
export async function listBans(
  { sql }: Parts,
  { limit, after }: { limit: number; after?: string },
): Promise<Page<Ban>> {
  const rows = await store.listBans(sql, limit + 1, after ?? null);
  const data = rows.slice(0, limit).map(shown);
  return { data, next: rows.length > limit ? data.at(-1)!.id : null, prev: null };
}

function shown(row: store.BanRow): Ban {
  return { ...row, until: row.until?.toISOString() ?? null, created_at: row.created_at.toISOString() };
}

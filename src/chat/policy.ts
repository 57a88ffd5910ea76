import type { Code } from "../../protocol/codes.ts";
import { FRAMES } from "../../protocol/frames.ts";
import type { Role } from "../../protocol/objects.ts";
import { roomId, Snowflake } from "../../protocol/rooms.ts";
import type { Caller, UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import { createLoader } from "../platform/loader.ts";
import type { ISql, Sql } from "../platform/postgres/sql.ts";
import type { RoomPolicy } from "../realtime/index.ts";
import { type ChannelAccess, findAccess, lockChannelRow } from "./store/channels.ts";

/**
 * What a use case requires of the caller. `see`: know that the channel exists (its members; any user for a public
 * one). `read`: be a member: its messages from the first to the last, also those from before they joined.
 * `admin`: be an admin or an owner. `owner`: be an owner.
 *
 * In a public channel every member may add others, in a private one its admins. Admins remove members, owners remove
 * any member; only owners change roles and delete the channel. A direct chat always has two members.
 */
export type Permission = "see" | "read" | "admin" | "owner";

const ROLES: Record<Exclude<Permission, "see">, readonly Role[]> = {
  read: ["member", "admin", "owner"],
  admin: ["admin", "owner"],
  owner: ["owner"],
};

/** The calling user. Nothing of chat is for anonymous callers. */
export function requireUser(caller: Caller): UserCaller {
  if (caller.kind !== "user") throw new AppError("unauthenticated");
  return caller;
}

/**
 * The only way to read a channel. Throws `unauthenticated`; `not_found` for what the caller may not see;
 * `forbidden` for what they may see but not do.
 */
export async function accessChannel(
  sql: ISql,
  caller: Caller,
  channelId: string,
  permission: Permission,
): Promise<ChannelAccess> {
  return checkAccess(async (query) => (await findAccess(sql, [query]))[0] ?? null, caller, channelId, permission);
}

async function checkAccess(
  find: (query: AccessQuery) => Promise<ChannelAccess | null>,
  caller: Caller,
  channelId: string,
  permission: Permission,
) {
  const { userId } = requireUser(caller);
  const channel = isSnowflake(channelId) ? await find({ userId, channelId }) : null;
  if (channel === null) throw channelNotFound();
  checkPermission(channel, permission);
  return channel;
}

interface AccessQuery {
  userId: string;
  channelId: string;
}

/** Queries of one batch, and how many may wait. */
const MAX_PER_QUERY = 512;
const MAX_WAITING = 20_000;

/** The same in batches, for many calls at once: those that come while two queries are in flight share the next one. */
export function createBatchedAccess(
  sql: Sql,
): (caller: Caller, channelId: string, permission: Permission) => Promise<ChannelAccess> {
  const load = createLoader<AccessQuery, ChannelAccess | null>({
    read: (queries) => findAccess(sql, queries),
    toText: ({ userId, channelId }) => `${userId} ${channelId}`,
    maxBatch: MAX_PER_QUERY,
    maxWaiting: MAX_WAITING,
    inFlight: 2,
  });
  return (caller, channelId, permission) => checkAccess(load, caller, channelId, permission);
}

/** The same with the channel's row locked until the transaction ends: no one joins, leaves or changes role meanwhile. */
export async function lockChannel(
  sql: ISql,
  caller: Caller,
  channelId: string,
  permission: Permission,
): Promise<ChannelAccess> {
  requireUser(caller);
  if (isSnowflake(channelId)) await lockChannelRow(sql, channelId);
  // A statement of its own: its snapshot is younger than the lock.
  return accessChannel(sql, caller, channelId, permission);
}

/** Throws `not_found` or `forbidden` when the role that the channel was read with is not sufficient. */
export function checkPermission(channel: ChannelAccess, permission: Permission): void {
  if (channel.role === null && channel.type !== "public") throw channelNotFound();
  if (permission === "see") return;
  if (channel.role === null) throw new AppError("forbidden", "Join this channel first.");
  if (ROLES[permission].includes(channel.role)) return;
  const who = permission === "owner" ? "an owner" : "an admin or owner";
  throw new AppError("forbidden", `Only ${who} of this channel may do this.`);
}

/** For what does not exist, or what the caller may not know of. */
export function channelNotFound(): AppError {
  return new AppError("not_found", "There is no such channel, or you are not in it.");
}

function isSnowflake(id: string): boolean {
  return Snowflake.safeParse(id).success;
}

/** A direct chat stays as it is: throws `direct_immutable`. */
export function refuseDirect(channel: ChannelAccess): void {
  if (channel.type === "direct") throw new AppError("direct_immutable");
}

/** Who may join `channel:<id>`, and stay: its members. */
export function createChannelPolicy(sql: ISql): RoomPolicy {
  return {
    hasMembers: true,

    authorize: async (caller, room) => {
      await accessChannel(sql, caller, roomId(room), "read");
    },

    authorizeMany: async (queries) => {
      const codes: (Code | null)[] = queries.map(({ caller }) =>
        caller.kind === "user" ? "not_found" : "unauthenticated",
      );
      const known = queries.flatMap(({ caller, room }, i) => {
        const channelId = roomId(room);
        return caller.kind === "user" && isSnowflake(channelId) ? [{ i, userId: caller.userId, channelId }] : [];
      });
      const found = await findAccess(sql, known);
      known.forEach(({ i }, k) => {
        const channel = found[k];
        if (channel) codes[i] = getRefusalCode(() => checkPermission(channel, "read"));
      });
      return codes;
    },

    findExpelled({ type, payload }) {
      if (type === "channel:deleted") return "everyone";
      return type === "member:left" ? { userId: FRAMES["member:left"].parse(JSON.parse(payload)).user_id } : null;
    },
  };
}

function getRefusalCode(check: () => void): Code | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

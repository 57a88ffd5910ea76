import type { Member, Role } from "../../protocol/objects.ts";
import type { Caller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { Page } from "../platform/http/paging.ts";
import { createKeyedMutex } from "../platform/keyed-mutex.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import type { ChatDeps } from "./deps.ts";
import { type AddMember, createJoining } from "./joining.ts";
import { type PageQuery, pageOf, windowOfTexts } from "./page.ts";
import { accessChannel, checkNeed, lockChannel, person, refuseDirect } from "./policy.ts";
import {
  countMembers,
  countOwners,
  deleteMember,
  findMember,
  listMembers,
  type MemberFilter,
  updateRole,
} from "./store/members.ts";

export interface Members {
  list(caller: Caller, channelId: string, query: MemberFilter & PageQuery): Promise<Page<Member>>;
  /**
   * Joins a public channel (the caller himself), or brings somebody in. `created: false` when he is in it already.
   * Throws `direct_immutable`, `full`, `not_found` for nobody, `forbidden`.
   */
  add: AddMember;
  /** Gives a member another role (owners). Throws `last_owner`, `direct_immutable`, `not_found`. */
  setRole(caller: Caller, channelId: string, userId: string, role: Role): Promise<Member>;
  /** Leaves (the caller himself) or removes. Nothing happens when he is not in it. Throws `last_owner`, `direct_immutable`. */
  remove(caller: Caller, channelId: string, userId: string): Promise<void>;
}

export function createMembers(deps: Pick<ChatDeps, "sql" | "transaction" | "users" | "realtime">): Members {
  const { sql, transaction, realtime } = deps;
  // Each change locks the channel's row over several statements: a rush of joins would fill the pool with waiting.
  const inTurn = createKeyedMutex();

  return {
    async list(caller, channelId, query) {
      const { id } = await accessChannel(sql, caller, channelId, "read");
      const window = windowOfTexts(query);
      return pageOf(await listMembers(sql, id, query, window), window, ({ user }) => user.id);
    },

    add: createJoining(deps, inTurn),

    async setRole(caller, channelId, userId, role) {
      return inTurn(channelId, () =>
        transaction({ actor: person(caller).userId }, async (tx) => {
          const channel = await lockChannel(tx.sql, caller, channelId, "read");
          refuseDirect(channel);
          checkNeed(channel, "owner");
          const member = await findMember(tx.sql, channel.id, userId);
          if (member === null) throw new AppError("not_found", "This person is not in the channel.");
          if (member.role === role) return member;
          if (member.role === "owner" && (await countOwners(tx.sql, channel.id)) === 1)
            throw new AppError("last_owner");
          return changeRole(tx, channel.id, member, role);
        }),
      );
    },

    async remove(caller, channelId, userId) {
      const actor = person(caller).userId;
      const removed = await inTurn(channelId, () =>
        transaction({ actor }, async (tx) => {
          const channel = await lockChannel(tx.sql, caller, channelId, "see");
          refuseDirect(channel);
          if (actor !== userId) checkNeed(channel, "admin");
          const member = await findMember(tx.sql, channel.id, userId);
          if (member === null) return false;
          if (actor !== userId && channel.role !== "owner" && member.role !== "member") {
            throw new AppError("forbidden", "Only an owner of this channel can remove an admin or owner.");
          }
          if (member.role === "owner" && (await countOwners(tx.sql, channel.id)) === 1)
            throw new AppError("last_owner");
          await takeOut(tx, channel.id, userId);
          return true;
        }),
      );
      // In the tick of the commit: no frame after member:left can have been published yet.
      if (removed) realtime.expel(`channel:${channelId}`, userId);
    },
  };
}

/** Ends a membership. The channel's row is locked by the caller, who takes the person out of the room after the commit. */
export async function takeOut(tx: Tx, channelId: string, userId: string): Promise<void> {
  await deleteMember(tx.sql, channelId, userId);
  await countMembers(tx.sql, channelId, -1);
  // The rooms are locked for these entries at the very end: a post is before them, or refused.
  tx.log(`channel:${channelId}`, "member:left", { channel_id: channelId, user_id: userId });
  tx.log(`user:${userId}`, "channel:left", { channel_id: channelId });
}

/** Gives a member another role. The channel's row is locked by the caller. */
export async function changeRole(tx: Tx, channelId: string, member: Member, role: Role): Promise<Member> {
  await updateRole(tx.sql, channelId, member.user.id, role);
  const changed = { ...member, role };
  tx.log(`channel:${channelId}`, "member:updated", { channel_id: channelId, ...changed });
  return changed;
}

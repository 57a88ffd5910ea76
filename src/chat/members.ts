import type { Member, Role } from "../../protocol/objects.ts";
import type { Caller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { Page } from "../platform/http/paging.ts";
import { createKeyedMutex } from "../platform/keyed-mutex.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import type { ChatDeps } from "./deps.ts";
import { type AddMember, createAddMember } from "./joining.ts";
import { createTextWindow, type PageQuery, toPage } from "./keyset-page.ts";
import { accessChannel, checkPermission, lockChannel, refuseDirect, requireUser } from "./policy.ts";
import {
  adjustMemberCount,
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
   * Joins a public channel (the caller), or adds another user. `created: false` when they are a member already.
   * Throws `direct_immutable`, `full`, `not_found` for an unknown user, `forbidden`.
   */
  add: AddMember;
  /** Gives a member another role (owners). Throws `last_owner`, `direct_immutable`, `not_found`. */
  setRole(caller: Caller, channelId: string, userId: string, role: Role): Promise<Member>;
  /** Leaves (the caller) or removes another user. Nothing happens when they are not a member. Throws `last_owner`, `direct_immutable`. */
  remove(caller: Caller, channelId: string, userId: string): Promise<void>;
}

export function createMembers(deps: Pick<ChatDeps, "sql" | "transaction" | "users">): Members {
  const { sql, transaction } = deps;
  // Each change locks the channel's row over several statements: many joins at once would fill the pool with waiting statements.
  const runExclusive = createKeyedMutex();

  return {
    async list(caller, channelId, query) {
      const { id } = await accessChannel(sql, caller, channelId, "read");
      const window = createTextWindow(query);
      return toPage(await listMembers(sql, id, query, window), window, ({ user }) => user.id);
    },

    add: createAddMember(deps, runExclusive),

    async setRole(caller, channelId, userId, role) {
      return runExclusive(channelId, () =>
        transaction({ actor: requireUser(caller).userId }, async (tx) => {
          const channel = await lockChannel(tx.sql, caller, channelId, "read");
          refuseDirect(channel);
          checkPermission(channel, "owner");
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
      const actor = requireUser(caller).userId;
      return runExclusive(channelId, () =>
        transaction({ actor }, async (tx) => {
          const channel = await lockChannel(tx.sql, caller, channelId, "see");
          refuseDirect(channel);
          if (actor !== userId) checkPermission(channel, "admin");
          const member = await findMember(tx.sql, channel.id, userId);
          if (member === null) return;
          if (actor !== userId && channel.role !== "owner" && member.role !== "member") {
            throw new AppError("forbidden", "Only an owner of this channel can remove an admin or owner.");
          }
          if (member.role === "owner" && (await countOwners(tx.sql, channel.id)) === 1)
            throw new AppError("last_owner");
          await removeMember(tx, channel.id, userId);
        }),
      );
    },
  };
}

/** Ends a membership. The channel's row is locked by the caller. By `member:left` every node takes the person out of the room. */
export async function removeMember(tx: Tx, channelId: string, userId: string): Promise<void> {
  await deleteMember(tx.sql, channelId, userId);
  await adjustMemberCount(tx.sql, channelId, -1);
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

import type { Channel, ChannelType, Position, Role } from "../../protocol/objects.ts";
import { formatNameList, Snowflake } from "../../protocol/rooms.ts";
import type { Caller, UserCaller } from "../platform/caller.ts";
import { AppError, invalidField } from "../platform/errors.ts";
import { type Editable, refuseStale } from "../platform/http/etag.ts";
import type { Page } from "../platform/http/paging.ts";
import { sqlState } from "../platform/postgres/database-errors.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import type { ChatDeps } from "./deps.ts";
import { createIdWindow, type PageQuery, toPage } from "./keyset-page.ts";
import { LIMITS } from "./limits.ts";
import { accessChannel, checkPermission, lockChannel, refuseDirect, requireUser } from "./policy.ts";
import {
  type ChannelFilter,
  type ChannelName,
  deleteChannel,
  findDirect,
  insertChannel,
  listChannelNames,
  listChannels,
  type NewChannelRow,
  updateChannel,
  viewChannel,
} from "./store/channels.ts";
import { findUsersAtChannelLimit, insertMembers } from "./store/members.ts";

export interface NewChannel {
  type: ChannelType;
  /** Required, except for a direct chat, which has none. */
  name?: string | undefined;
  topic?: string | undefined;
  /** The first members, besides the caller. For a direct chat: the other person. */
  member_ids?: string[] | undefined;
}

export interface Channels {
  /**
   * Creates a channel of which the caller is the owner, or returns the direct chat that this pair has already (`created: false`).
   * Throws `invalid`, `name_taken` (public channels), `full`.
   */
  create(caller: Caller, input: NewChannel): Promise<{ channel: Channel; created: boolean }>;
  /** One page of the caller's channels, or of the public ones; `position`: of their own room, read with the list. */
  list(caller: Caller, query: ChannelFilter & PageQuery): Promise<Page<Channel> & { position: Position }>;
  get(caller: Caller, channelId: string): Promise<Channel>;
  /**
   * The names of channels, for admins of the server: an owner gets all of `ids` that exist; everyone else the public
   * ones and those that they are in. Ids that do not exist are omitted.
   */
  names(caller: UserCaller, ids: readonly string[]): Promise<ChannelName[]>;
  /**
   * Renames it or changes its topic (admins). Missing fields stay unchanged. Throws `direct_immutable`, `name_taken`, and `changed`
   * when `ifMatch` names another state.
   */
  update(
    caller: Caller,
    channelId: string,
    change: { name?: string | undefined; topic?: string | null | undefined },
    ifMatch?: string,
  ): Promise<Channel>;
  /** Deletes it (owners). Its messages stay in the database, out of reach. Throws `direct_immutable`. */
  delete(caller: Caller, channelId: string): Promise<void>;
}

/** What `update` can change, for the ETag. */
export function editableChannelFields({ name, topic }: Pick<Channel, "name" | "topic">): Editable {
  return { name, topic };
}

export function createChannels(deps: Pick<ChatDeps, "sql" | "transaction" | "ids" | "users" | "epoch">): Channels {
  const { sql, transaction, ids, users, epoch } = deps;

  return {
    async create(caller, input) {
      const { userId } = requireUser(caller);
      const others = await findOtherMembers(users, userId, input);
      const row = {
        ...toChannelRow(input, userId, others),
        id: ids.next(),
        memberCount: others.length + 1,
        createdBy: userId,
      };
      const profiles = await users.get([userId, ...others]);
      return mapNameTaken(() =>
        transaction({ actor: userId }, async (tx) => {
          await checkChannelLimit(tx, [userId, ...others]);
          if (!(await insertChannel(tx.sql, row))) {
            return { channel: await findExistingDirect(tx, row.dmKey!, userId), created: false };
          }
          const direct = input.type === "direct";
          const members = [userId, ...others].map((id) => {
            const role: Role = id === userId && !direct ? "owner" : "member";
            return { userId: id, role };
          });
          const joinedAt = await insertMembers(tx.sql, row.id, members);
          const views = await viewChannel(tx.sql, row.id, [userId, ...others]);
          for (const { userId: id, role } of members) {
            const user = profiles.get(id)!;
            tx.log(`channel:${row.id}`, "member:joined", { channel_id: row.id, user, role, joined_at: joinedAt });
            tx.log(`user:${id}`, "channel:joined", views.get(id)!);
          }
          return { channel: views.get(userId)!, created: true };
        }),
      );
    },

    async list(caller, query) {
      const { userId } = requireUser(caller);
      const window = createIdWindow(query, "oldest");
      const { userSeq, ...rows } = await listChannels(sql, userId, query, window);
      return { ...toPage(rows, window, ({ id }) => id), position: { seq: userSeq, epoch: epoch() } };
    },

    names({ userId, role }, ids) {
      const known = ids.filter((id) => Snowflake.safeParse(id).success);
      return listChannelNames(sql, known, role === "owner" ? null : userId);
    },

    async get(caller, channelId) {
      const { id } = await accessChannel(sql, caller, channelId, "see");
      const { userId } = requireUser(caller);
      const channel = (await viewChannel(sql, id, [userId])).get(userId);
      if (channel === undefined) throw new AppError("not_found");
      return channel;
    },

    async update(caller, channelId, change, ifMatch) {
      const { userId } = requireUser(caller);
      return mapNameTaken(() =>
        transaction({ actor: userId }, async (tx) => {
          const old = await lockChannel(tx.sql, caller, channelId, "read");
          refuseDirect(old);
          checkPermission(old, "admin");
          refuseStale(ifMatch, editableChannelFields(old));
          const name = change.name?.toWellFormed() ?? old.name;
          const topic = change.topic === undefined ? old.topic : change.topic?.toWellFormed() || null;
          if (name !== old.name || topic !== old.topic) {
            await updateChannel(tx.sql, old.id, name, topic);
            tx.log(`channel:${old.id}`, "channel:updated", { channel_id: old.id, name, topic });
          }
          return (await viewChannel(tx.sql, old.id, [userId])).get(userId)!;
        }),
      );
    },

    async delete(caller, channelId) {
      const { userId } = requireUser(caller);
      await transaction({ actor: userId }, async (tx) => {
        const channel = await lockChannel(tx.sql, caller, channelId, "read");
        refuseDirect(channel);
        checkPermission(channel, "owner");
        tx.log(`channel:${channel.id}`, "channel:deleted", { channel_id: channel.id });
        await deleteChannel(tx.sql, channel.id);
      });
    },
  };
}

/** The people named besides the caller; throws `invalid` when one of them does not exist. */
async function findOtherMembers(users: ChatDeps["users"], userId: string, input: NewChannel): Promise<string[]> {
  const named = new Set(input.member_ids);
  named.delete(userId);
  if (named.size > LIMITS.initialMembers)
    throw invalidField("/member_ids", "too_big", `at most ${LIMITS.initialMembers} people`);
  const known = await users.get([...named]);
  (input.member_ids ?? []).forEach((id, i) => {
    if (id !== userId && !known.has(id)) throw invalidField(`/member_ids/${i}`, "not_found", "is not a known user");
  });
  return [...named];
}

function toChannelRow(
  { type, name, topic }: NewChannel,
  userId: string,
  others: readonly string[],
): Pick<NewChannelRow, "type" | "name" | "topic" | "dmKey"> {
  if (type !== "direct") {
    if (name === undefined) throw invalidField("/name", "required", "is required");
    return { type, name: name.toWellFormed(), topic: topic?.toWellFormed() || null, dmKey: null };
  }
  if (name !== undefined) throw invalidField("/name", "direct", "a direct chat has no name");
  if (topic !== undefined) throw invalidField("/topic", "direct", "a direct chat has no topic");
  if (others.length !== 1) throw invalidField("/member_ids", "direct", "a direct chat is with one other person");
  return { type, name: null, topic: null, dmKey: formatNameList([userId, others[0]!].sort()) };
}

async function findExistingDirect(tx: Tx, dmKey: string, userId: string): Promise<Channel> {
  const id = await findDirect(tx.sql, dmKey);
  const channel = id === null ? undefined : (await viewChannel(tx.sql, id, [userId])).get(userId);
  if (channel === undefined) throw new AppError("conflict");
  return channel;
}

/** Throws `full` when one of these people is in the maximum number of channels. */
export async function checkChannelLimit(tx: Tx, userIds: readonly string[]): Promise<void> {
  const [full] = await findUsersAtChannelLimit(tx.sql, userIds, LIMITS.channelsPerUser);
  if (full !== undefined) throw channelLimitError(full);
}

/** A user is in the maximum number of channels. */
export function channelLimitError(userId: string): AppError {
  return new AppError("full", `${userId} is in ${LIMITS.channelsPerUser} channels already, which is the maximum.`);
}

async function mapNameTaken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (sqlState(error) !== "23505" || !(error instanceof Error) || !error.message.includes("channels_public_name")) {
      throw error;
    }
    throw new AppError("name_taken", "A public channel with this name already exists.");
  }
}

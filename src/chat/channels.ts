import type { Channel, ChannelType, Position, Role } from "../../protocol/objects.ts";
import { listOfNames, Snowflake } from "../../protocol/rooms.ts";
import type { Caller, UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import { type Editable, refuseStale } from "../platform/http/etag.ts";
import type { Page } from "../platform/http/paging.ts";
import { sqlState } from "../platform/postgres/database-errors.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import type { ChatDeps } from "./deps.ts";
import { LIMITS } from "./limits.ts";
import { type PageQuery, pageOf, windowOfIds } from "./page.ts";
import { accessChannel, checkNeed, lockChannel, person, refuseDirect } from "./policy.ts";
import {
  type ChannelFilter,
  type ChannelName,
  deleteChannel,
  findDirect,
  insertChannel,
  listChannels,
  type NewChannelRow,
  readNames,
  updateChannel,
  viewChannel,
} from "./store/channels.ts";
import { findBusyPeople, insertMembers } from "./store/members.ts";

export interface NewChannel {
  type: ChannelType;
  /** Needed but for a direct chat, which has none. */
  name?: string | undefined;
  topic?: string | undefined;
  /** Who is in it from the start, besides the caller. For a direct chat: the other one. */
  member_ids?: string[] | undefined;
}

export interface Channels {
  /**
   * Makes a channel of which the caller is the owner, or gives the direct chat that this pair has already (`created: false`).
   * Throws `invalid`, `name_taken` (public channels), `full`.
   */
  create(caller: Caller, input: NewChannel): Promise<{ channel: Channel; created: boolean }>;
  /** One page of the caller's channels, or of the public ones; `position`: of his own room, read with the list. */
  list(caller: Caller, query: ChannelFilter & PageQuery): Promise<Page<Channel> & { position: Position }>;
  get(caller: Caller, channelId: string): Promise<Channel>;
  /**
   * What channels are called, for those who run the server: an owner is told all of `ids` that exist; everybody else the public
   * ones and those that they are in. Ids that do not exist are left out.
   */
  names(caller: UserCaller, ids: readonly string[]): Promise<ChannelName[]>;
  /**
   * Renames it or changes its topic (admins). What is not given stays. Throws `direct_immutable`, `name_taken`, and `changed`
   * when `ifMatch` names another state.
   */
  update(
    caller: Caller,
    channelId: string,
    change: { name?: string | undefined; topic?: string | null | undefined },
    ifMatch?: string,
  ): Promise<Channel>;
  /** Ends it for everybody (owners). What was said stays in the database, out of reach. Throws `direct_immutable`. */
  delete(caller: Caller, channelId: string): Promise<void>;
}

/** What `update` can change, for the ETag. */
export function editableOfChannel({ name, topic }: Pick<Channel, "name" | "topic">): Editable {
  return { name, topic };
}

export function createChannels(deps: Pick<ChatDeps, "sql" | "transaction" | "ids" | "users" | "epoch">): Channels {
  const { sql, transaction, ids, users, epoch } = deps;

  return {
    async create(caller, input) {
      const { userId } = person(caller);
      const others = await findOthers(users, userId, input);
      const row = {
        ...rowOf(input, userId, others),
        id: ids.next(),
        memberCount: others.length + 1,
        createdBy: userId,
      };
      const people = await users.get([userId, ...others]);
      return uniqueName(() =>
        transaction({ actor: userId }, async (tx) => {
          await refuseBusy(tx, [userId, ...others]);
          if (!(await insertChannel(tx.sql, row))) {
            return { channel: await existingDirect(tx, row.dmKey!, userId), created: false };
          }
          const direct = input.type === "direct";
          const members = [userId, ...others].map((id) => {
            const role: Role = id === userId && !direct ? "owner" : "member";
            return { userId: id, role };
          });
          const joinedAt = await insertMembers(tx.sql, row.id, members);
          const views = await viewChannel(tx.sql, row.id, [userId, ...others]);
          for (const { userId: id, role } of members) {
            const user = people.get(id)!;
            tx.log(`channel:${row.id}`, "member:joined", { channel_id: row.id, user, role, joined_at: joinedAt });
            tx.log(`user:${id}`, "channel:joined", views.get(id)!);
          }
          return { channel: views.get(userId)!, created: true };
        }),
      );
    },

    async list(caller, query) {
      const { userId } = person(caller);
      const window = windowOfIds(query, "oldest");
      const { userSeq, ...sides } = await listChannels(sql, userId, query, window);
      return { ...pageOf(sides, window, ({ id }) => id), position: { seq: userSeq, epoch: epoch() } };
    },

    names({ userId, role }, ids) {
      const known = ids.filter((id) => Snowflake.safeParse(id).success);
      return readNames(sql, known, role === "owner" ? null : userId);
    },

    async get(caller, channelId) {
      const { id } = await accessChannel(sql, caller, channelId, "see");
      const { userId } = person(caller);
      const channel = (await viewChannel(sql, id, [userId])).get(userId);
      if (channel === undefined) throw new AppError("not_found");
      return channel;
    },

    async update(caller, channelId, change, ifMatch) {
      const { userId } = person(caller);
      return uniqueName(() =>
        transaction({ actor: userId }, async (tx) => {
          const old = await lockChannel(tx.sql, caller, channelId, "read");
          refuseDirect(old);
          checkNeed(old, "admin");
          refuseStale(ifMatch, editableOfChannel(old));
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
      const { userId } = person(caller);
      await transaction({ actor: userId }, async (tx) => {
        const channel = await lockChannel(tx.sql, caller, channelId, "read");
        refuseDirect(channel);
        checkNeed(channel, "owner");
        tx.log(`channel:${channel.id}`, "channel:deleted", { channel_id: channel.id });
        await deleteChannel(tx.sql, channel.id);
      });
    },
  };
}

/** The people named besides the caller; throws `invalid` when one of them does not exist. */
async function findOthers(users: ChatDeps["users"], userId: string, input: NewChannel): Promise<string[]> {
  const named = new Set(input.member_ids);
  named.delete(userId);
  if (named.size > LIMITS.firstMembers) throw wrong("/member_ids", "too_big", `at most ${LIMITS.firstMembers} people`);
  const known = await users.get([...named]);
  (input.member_ids ?? []).forEach((id, i) => {
    if (id !== userId && !known.has(id)) throw wrong(`/member_ids/${i}`, "not_found", "is nobody here");
  });
  return [...named];
}

function rowOf(
  { type, name, topic }: NewChannel,
  userId: string,
  others: readonly string[],
): Pick<NewChannelRow, "type" | "name" | "topic" | "dmKey"> {
  if (type !== "direct") {
    if (name === undefined) throw wrong("/name", "required", "is required");
    return { type, name: name.toWellFormed(), topic: topic?.toWellFormed() || null, dmKey: null };
  }
  if (name !== undefined) throw wrong("/name", "direct", "a direct chat has no name");
  if (topic !== undefined) throw wrong("/topic", "direct", "a direct chat has no topic");
  if (others.length !== 1) throw wrong("/member_ids", "direct", "a direct chat is with one other person");
  return { type, name: null, topic: null, dmKey: listOfNames([userId, others[0]!].sort()) };
}

async function existingDirect(tx: Tx, dmKey: string, userId: string): Promise<Channel> {
  const id = await findDirect(tx.sql, dmKey);
  const channel = id === null ? undefined : (await viewChannel(tx.sql, id, [userId])).get(userId);
  if (channel === undefined) throw new AppError("conflict");
  return channel;
}

/** Throws `full` when one of these people is in as many channels as he may be. */
export async function refuseBusy(tx: Tx, userIds: readonly string[]): Promise<void> {
  const [busy] = await findBusyPeople(tx.sql, userIds, LIMITS.channelsOfPerson);
  if (busy !== undefined) throw busyError(busy);
}

/** Somebody is in as many channels as a person may be. */
export function busyError(userId: string): AppError {
  return new AppError("full", `${userId} is in ${LIMITS.channelsOfPerson} channels already, which is the maximum.`);
}

async function uniqueName<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (sqlState(error) !== "23505" || !(error instanceof Error) || !error.message.includes("channels_public_name")) {
      throw error;
    }
    throw new AppError("name_taken", "A public channel with this name already exists.");
  }
}

function wrong(pointer: string, code: string, message: string): AppError {
  return new AppError("invalid", undefined, { errors: [{ pointer, code, message }] });
}

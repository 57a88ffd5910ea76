import type { Member, PublicUser, Role } from "../../protocol/objects.ts";
import type { Caller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { KeyedMutex } from "../platform/keyed-mutex.ts";
import { type Batcher, createBatcher } from "../platform/postgres/batcher.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import { busyError } from "./channels.ts";
import type { ChatDeps } from "./deps.ts";
import { LIMITS } from "./limits.ts";
import { accessChannel, checkNeed, hidden, person, refuseDirect } from "./policy.ts";
import { type ChannelAccess, findAccess, lockChannelRow, viewChannel } from "./store/channels.ts";
import { countMembers, findBusyPeople, findMembers, insertMembers } from "./store/members.ts";

/** Joins a public channel (the caller himself), or brings somebody in; see `Members`. */
export type AddMember = (
  caller: Caller,
  channelId: string,
  userId: string,
  role?: Role,
) => Promise<{ member: Member; created: boolean }>;

interface Join {
  /** Who asks: the person himself, or somebody who brings him in. */
  actor: string;
  userId: string;
  /** Null: there is no such person. */
  user: PublicUser | null;
  role: Role;
}

/** `n`: which of the joins of its transaction. */
type NewMember = Join & { user: PublicUser; n: number };

type Joined = { member: Member; created: boolean } | AppError;

/** Joins of one transaction. */
const MOST = 500;

/**
 * Coming into a channel. When a doors-open crowd joins one channel, whoever comes while a transaction is under way goes into
 * the next one together: the channel's row is locked once for all of them, not once for each.
 */
export function createJoining(
  { sql, transaction, users }: Pick<ChatDeps, "sql" | "transaction" | "users">,
  inTurn: KeyedMutex,
): AddMember {
  /** Of the channels that somebody joins just now. */
  const crowds = new Map<string, { joins: Batcher<Join, Joined>; open: number }>();

  function crowdOf(channelId: string) {
    const run = (joins: readonly Join[]) =>
      inTurn(channelId, () => transaction({ actor: joins[0]!.actor }, (tx) => joinTogether(tx, channelId, joins)));
    const crowd = crowds.get(channelId) ?? { joins: createBatcher<Join, Joined>({ run, maxBatch: MOST }), open: 0 };
    crowds.set(channelId, crowd);
    return crowd;
  }

  return async function add(caller, channelId, userId, role = "member") {
    const actor = person(caller).userId;
    // Who may not see it is told without a lock.
    await accessChannel(sql, caller, channelId, "see");
    const user = (await users.get([userId])).get(userId) ?? null;
    const crowd = crowdOf(channelId);
    crowd.open++;
    try {
      const joined = await crowd.joins.add({ actor, userId, user, role });
      if (joined instanceof AppError) throw joined;
      return joined;
    } finally {
      if (--crowd.open === 0) crowds.delete(channelId);
    }
  };
}

/** Answers each join in the order given. All that are new are written, or none. */
async function joinTogether(tx: Tx, channelId: string, joins: readonly Join[]): Promise<Joined[]> {
  await lockChannelRow(tx.sql, channelId);
  // Statements of their own: their snapshots are younger than the lock.
  const asks = joins.map(({ actor }) => ({ userId: actor, channelId }));
  const seen = await findAccess(tx.sql, asks);
  const userIds = joins.map(({ userId }) => userId);
  const members = await findMembers(tx.sql, channelId, userIds);
  const busy = new Set(await findBusyPeople(tx.sql, userIds, LIMITS.channelsOfPerson));

  const fresh = new Map<string, NewMember>();
  const refusals = joins.map((join, i) => {
    try {
      const channel = seen[i]!;
      if (channel === null) throw hidden();
      checkJoin(channel, join);
      if (members.has(join.userId) || fresh.has(join.userId)) return null;
      if (join.user === null) throw new AppError("not_found", "There is no such person.");
      if (channel.member_count + fresh.size >= LIMITS.members) {
        throw new AppError("full", `This channel has ${LIMITS.members} members, which is the maximum.`);
      }
      if (busy.has(join.userId)) throw busyError(join.userId);
      fresh.set(join.userId, { ...join, user: join.user, n: i });
      return null;
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
  });

  if (fresh.size > 0) await enter(tx, channelId, [...fresh.values()], members);
  return joins.map(
    ({ userId }, i) => refusals[i] ?? { member: members.get(userId)!, created: fresh.get(userId)?.n === i },
  );
}

/** Writes the new members, tells the room and each of them, and adds them to `members`. */
async function enter(
  tx: Tx,
  channelId: string,
  joins: readonly NewMember[],
  members: Map<string, Member>,
): Promise<void> {
  const joined_at = await insertMembers(tx.sql, channelId, joins);
  await countMembers(tx.sql, channelId, joins.length);
  const views = await viewChannel(
    tx.sql,
    channelId,
    joins.map(({ userId }) => userId),
  );
  for (const { actor, userId, user, role } of joins) {
    members.set(userId, { user, role, joined_at });
    tx.log(`channel:${channelId}`, "member:joined", { channel_id: channelId, user, role, joined_at }, { actor });
    tx.log(`user:${userId}`, "channel:joined", views.get(userId)!, { actor });
  }
}

/** Whether the actor may bring this person in: himself into a public channel; others as a member, or as an admin of a private one. */
function checkJoin(channel: ChannelAccess, { actor, userId, role }: Join): void {
  checkNeed(channel, "see");
  refuseDirect(channel);
  if (role !== "member" && channel.role !== "owner") {
    throw new AppError("forbidden", "Only an owner of this channel can change roles.");
  }
  if (actor === userId) return;
  if (channel.role === null) throw new AppError("forbidden", "Join this channel first.");
  if (channel.type === "private" && channel.role === "member") {
    throw new AppError("forbidden", "Only an admin or owner of this channel can add people.");
  }
}

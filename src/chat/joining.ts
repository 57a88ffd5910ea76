import type { Member, PublicUser, Role } from "../../protocol/objects.ts";
import type { Caller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { KeyedMutex } from "../platform/keyed-mutex.ts";
import { type Batcher, createBatcher } from "../platform/postgres/batcher.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import { channelLimitError } from "./channels.ts";
import type { ChatDeps } from "./deps.ts";
import { LIMITS } from "./limits.ts";
import { accessChannel, channelNotFound, checkPermission, refuseDirect, requireUser } from "./policy.ts";
import { type ChannelAccess, findAccess, lockChannelRow, viewChannel } from "./store/channels.ts";
import { adjustMemberCount, findMembers, findUsersAtChannelLimit, insertMembers } from "./store/members.ts";

/** Joins a public channel (the caller), or adds another user; see `Members`. */
export type AddMember = (
  caller: Caller,
  channelId: string,
  userId: string,
  role?: Role,
) => Promise<{ member: Member; created: boolean }>;

interface Join {
  /** The caller: the user who joins, or a user who adds them. */
  actor: string;
  userId: string;
  /** Null: there is no such person. */
  user: PublicUser | null;
  role: Role;
}

/** `n`: the index of the join in its transaction. */
type NewMember = Join & { user: PublicUser; n: number };

type JoinResult = { member: Member; created: boolean } | AppError;

/** Maximum joins of one transaction. */
const MAX_JOINS = 500;

/**
 * Joins are batched. When many users join one channel at once, those who come while a transaction is in progress go into
 * the next one together: the channel's row is locked once for all of them, not once for each.
 */
export function createAddMember(
  { sql, transaction, users }: Pick<ChatDeps, "sql" | "transaction" | "users">,
  runExclusive: KeyedMutex,
): AddMember {
  /** Batches by channel, while joins are pending. */
  const joinBatches = new Map<string, { joins: Batcher<Join, JoinResult>; pending: number }>();

  function getJoinBatch(channelId: string) {
    const run = (joins: readonly Join[]) =>
      runExclusive(channelId, () => transaction({ actor: joins[0]!.actor }, (tx) => joinBatch(tx, channelId, joins)));
    const batch = joinBatches.get(channelId) ?? {
      joins: createBatcher<Join, JoinResult>({ run, maxBatch: MAX_JOINS }),
      pending: 0,
    };
    joinBatches.set(channelId, batch);
    return batch;
  }

  return async function add(caller, channelId, userId, role = "member") {
    const actor = requireUser(caller).userId;
    // Checked without a lock: a refusal is cheap.
    await accessChannel(sql, caller, channelId, "see");
    const user = (await users.get([userId])).get(userId) ?? null;
    const batch = getJoinBatch(channelId);
    batch.pending++;
    try {
      const joined = await batch.joins.add({ actor, userId, user, role });
      if (joined instanceof AppError) throw joined;
      return joined;
    } finally {
      if (--batch.pending === 0) joinBatches.delete(channelId);
    }
  };
}

/** Returns a result for each join, in the order given. All that are new are written, or none. */
async function joinBatch(tx: Tx, channelId: string, joins: readonly Join[]): Promise<JoinResult[]> {
  await lockChannelRow(tx.sql, channelId);
  // Statements of their own: their snapshots are younger than the lock.
  const queries = joins.map(({ actor }) => ({ userId: actor, channelId }));
  const access = await findAccess(tx.sql, queries);
  const userIds = joins.map(({ userId }) => userId);
  const members = await findMembers(tx.sql, channelId, userIds);
  const atLimit = new Set(await findUsersAtChannelLimit(tx.sql, userIds, LIMITS.channelsPerUser));

  const newMembers = new Map<string, NewMember>();
  const refusals = joins.map((join, i) => {
    try {
      const channel = access[i]!;
      if (channel === null) throw channelNotFound();
      checkJoin(channel, join);
      if (members.has(join.userId) || newMembers.has(join.userId)) return null;
      if (join.user === null) throw new AppError("not_found", "There is no such person.");
      if (channel.member_count + newMembers.size >= LIMITS.members) {
        throw new AppError("full", `This channel has ${LIMITS.members} members, which is the maximum.`);
      }
      if (atLimit.has(join.userId)) throw channelLimitError(join.userId);
      newMembers.set(join.userId, { ...join, user: join.user, n: i });
      return null;
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
  });

  if (newMembers.size > 0) await addMembers(tx, channelId, [...newMembers.values()], members);
  return joins.map(
    ({ userId }, i) => refusals[i] ?? { member: members.get(userId)!, created: newMembers.get(userId)?.n === i },
  );
}

/** Writes the new members, logs entries for the room and for each of them, and adds them to `members`. */
async function addMembers(
  tx: Tx,
  channelId: string,
  joins: readonly NewMember[],
  members: Map<string, Member>,
): Promise<void> {
  const joined_at = await insertMembers(tx.sql, channelId, joins);
  await adjustMemberCount(tx.sql, channelId, joins.length);
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

/** Whether the actor may add this user: themselves to a public channel; others as a member, or as an admin of a private one. */
function checkJoin(channel: ChannelAccess, { actor, userId, role }: Join): void {
  checkPermission(channel, "see");
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

import type { Broker, Gathered } from "../broker/broker.ts";
import type { Cluster, ConnectionInfo, KeyCounts, NodeStats } from "../index.ts";
import { createAcks } from "./acks.ts";
import { batchKeys } from "./batch-keys.ts";
import { type LocalStats, parseConnectionId } from "./local-stats.ts";

/** ms in which calls become one request. */
const BATCH_MS = 2;
/** Keys in one request. */
const MAX_KEYS = 10_000;
const MAX_LISTED = 1_000;

/** Keys with a number each, as another node returns them. */
type Counts = [string, number][];

/** Requests that each node replies to for itself, and the merged results. */
export function createClusterQueries({ broker, localStats }: { broker: Broker; localStats: LocalStats }): Cluster & {
  /** Connections that count for these keys of admission.ts on the other nodes. */
  countElsewhere(keys: readonly string[]): Promise<KeyCounts>;
  /** A client of this node has acknowledged something. */
  ackReceived(ackId: string, userId: string | null): void;
} {
  broker.onRequest("connections of", (keys) => localStats.countConnections(parseKeys(keys)));
  broker.onRequest("members of", (keys) => localStats.countMembers(parseKeys(keys)));
  broker.onRequest("audience of", (room) => localStats.getAudience(String(room)));
  // Not the node's number: another node may have taken it before this one notices.
  const self = crypto.randomUUID();
  broker.onRequest("elsewhere", (request) => {
    const { asker: requester, keys } = request as { asker: string; keys: unknown };
    return requester === self ? [] : localStats.countAdmitted(parseKeys(keys));
  });
  broker.onRequest("stats", () => localStats.getStats());
  broker.onRequest("connections", (query) =>
    localStats.listConnections(query as Parameters<LocalStats["listConnections"]>[0]),
  );
  const acks = createAcks(broker);
  const countConnections = batchKeys(BATCH_MS, (keys) => sum(broker, "connections of", keys));
  const countMembers = batchKeys(BATCH_MS, (keys) => sum(broker, "members of", keys));
  const elsewhere = batchKeys(BATCH_MS, (keys) => sum(broker, "elsewhere", keys, (keys) => ({ asker: self, keys })));
  const stats = batchKeys(BATCH_MS, () => broker.gather<NodeStats>("stats", null));

  return {
    countConnections: async (userIds) => pickCounts(userIds, await countConnections(userIds)),
    countMembers: async (rooms) => pickCounts(rooms, await countMembers(rooms)),
    async getAudience(room) {
      const { replies, partial } = await broker.gather<ReturnType<LocalStats["getAudience"]>>("audience of", room);
      const add = (part: "total" | "authenticated") => replies.reduce((sum, reply) => sum + reply[part], 0);
      return { total: add("total"), authenticated: add("authenticated"), partial };
    },
    async getStats() {
      const { replies, partial } = await stats([]);
      return { nodes: replies.toSorted((a, b) => a.node - b.node), partial };
    },
    async listConnections(query) {
      const limit = Math.min(query.limit, MAX_LISTED);
      // One more than the limit shows whether there are more.
      const extended = { ...query, limit: limit + 1 };
      const { replies, partial } = await broker.gather<ConnectionInfo[]>("connections", extended);
      const all = replies.flat().sort(compareConnections);
      const data = all.slice(0, limit);
      return { data, next: all.length > limit ? data.at(-1)!.id : null, partial };
    },
    countElsewhere: async (keys) => pickCounts(keys, await elsewhere(keys)),
    waitForAck: acks.waitForAck,
    ackReceived: acks.received,
  };
}

async function sum(
  broker: Broker,
  name: string,
  keys: string[],
  payload: (keys: string[]) => unknown = (keys) => keys,
): Promise<KeyCounts> {
  const counts = new Map<string, number>();
  let partial = false;
  for (let from = 0; from < keys.length; from += MAX_KEYS) {
    const gathered: Gathered<Counts> = await broker.gather(name, payload(keys.slice(from, from + MAX_KEYS)));
    partial ||= gathered.partial;
    for (const [key, count] of gathered.replies.flat()) counts.set(key, (counts.get(key) ?? 0) + count);
  }
  return { counts, partial };
}

/** The counts of one caller's keys out of those of the batch. */
function pickCounts(keys: readonly string[], { counts, partial }: KeyCounts): KeyCounts {
  return { counts: new Map(keys.map((key) => [key, counts.get(key) ?? 0])), partial };
}

function compareConnections(a: ConnectionInfo, b: ConnectionInfo): number {
  const [one, other] = [parseConnectionId(a.id), parseConnectionId(b.id)];
  return one.node - other.node || one.id - other.id;
}

function parseKeys(keys: unknown): string[] {
  return Array.isArray(keys) ? keys.filter((key) => typeof key === "string") : [];
}

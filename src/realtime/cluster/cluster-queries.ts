import { createLoader, type Load } from "../../platform/loader.ts";
import type { Broker, Gathered } from "../broker/broker.ts";
import type { Cluster, ConnectionInfo, KeyCounts, NodeStats } from "../index.ts";
import { createAcks } from "./acks.ts";
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
  const connections = createCounter(broker, "connections of");
  const members = createCounter(broker, "members of");
  const elsewhere = createCounter(broker, "elsewhere", (keys) => ({ asker: self, keys }));
  const stats = createGatherer<"all", Gathered<NodeStats>>(async () => [await broker.gather<NodeStats>("stats", null)]);

  return {
    countConnections: (userIds) => countAll(connections, userIds),
    countMembers: (rooms) => countAll(members, rooms),
    async getAudience(room) {
      const { replies, partial } = await broker.gather<ReturnType<LocalStats["getAudience"]>>("audience of", room);
      const add = (part: "total" | "authenticated") => replies.reduce((sum, reply) => sum + reply[part], 0);
      return { total: add("total"), authenticated: add("authenticated"), partial };
    },
    async getStats() {
      const { replies, partial } = await stats("all");
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
    countElsewhere: (keys) => countAll(elsewhere, keys),
    waitForAck: acks.waitForAck,
    ackReceived: acks.received,
  };
}

/**
 * Batches calls: the keys of all calls within BATCH_MS go in one request. They do not wait for the request that is under way, because
 * that one may be waiting for a node that does not reply.
 */
function createGatherer<Key extends string, Result>(
  read: (keys: readonly Key[]) => Promise<readonly Result[]>,
): Load<Key, Result> {
  return createLoader({
    read,
    toText: (key) => key,
    maxBatch: MAX_KEYS,
    inFlight: Number.POSITIVE_INFINITY,
    schedule: (start) => setTimeout(start, BATCH_MS),
  });
}

interface KeyCount {
  count: number;
  partial: boolean;
}

/** The sum of what all nodes count for a key. */
function createCounter(
  broker: Broker,
  name: string,
  payload: (keys: readonly string[]) => unknown = (keys) => keys,
): Load<string, KeyCount> {
  return createGatherer(async (keys) => {
    const { replies, partial } = await broker.gather<Counts>(name, payload(keys));
    const counts = new Map<string, number>();
    for (const [key, count] of replies.flat()) counts.set(key, (counts.get(key) ?? 0) + count);
    return keys.map((key) => ({ count: counts.get(key) ?? 0, partial }));
  });
}

async function countAll(counter: Load<string, KeyCount>, keys: readonly string[]): Promise<KeyCounts> {
  const counted = await Promise.all(keys.map(counter));
  return {
    counts: new Map(keys.map((key, i) => [key, counted[i]!.count])),
    partial: counted.some(({ partial }) => partial),
  };
}

function compareConnections(a: ConnectionInfo, b: ConnectionInfo): number {
  const [one, other] = [parseConnectionId(a.id), parseConnectionId(b.id)];
  return one.node - other.node || one.id - other.id;
}

function parseKeys(keys: unknown): string[] {
  return Array.isArray(keys) ? keys.filter((key) => typeof key === "string") : [];
}

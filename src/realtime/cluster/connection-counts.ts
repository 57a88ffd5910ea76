import { roomId, roomKind } from "../../../protocol/rooms.ts";
import { createLoader, type Load } from "../../platform/loader.ts";
import type { Broker } from "../broker/broker.ts";
import type { Connection } from "../connections/connection.ts";
import type { Audience, Cluster, KeyCounts } from "../index.ts";
import type { Admission } from "../limits/admission.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";
import { findConnections } from "./connection-list.ts";

/** ms in which calls become one request; a counter's first request after a pause does not wait for them. */
export const BATCH_MS = 2;
/** Keys in one request. */
const MAX_KEYS = 10_000;

export interface ConnectionCountsDeps {
  broker: Broker;
  connections: readonly Connection[];
  rooms: RoomRegistry;
  admission: Admission;
}

export interface ConnectionCounts extends Pick<Cluster, "countConnections" | "countMembers" | "getAudience"> {
  /** Connections that count for these keys of admission.ts on the other nodes. */
  countElsewhere(keys: readonly string[]): Promise<KeyCounts>;
}

/** Counts connections: each node counts its own, and the sum is returned. */
export function createConnectionCounts({
  broker,
  connections,
  rooms,
  admission,
}: ConnectionCountsDeps): ConnectionCounts {
  const countOwn = (userId: string) => rooms.userConnections.get(userId).length;
  const countRoom = (room: string) => {
    if (room === "all") return connections.length;
    return roomKind(room) === "user" ? countOwn(roomId(room)) : (rooms.get(room)?.members ?? 0);
  };
  broker.onRequest("connections of", (keys) => countEach(keys, countOwn));
  broker.onRequest("members of", (keys) => countEach(keys, countRoom));
  // Not the node's number: another node may have taken it before this one notices.
  const self = crypto.randomUUID();
  broker.onRequest("elsewhere", (request) => {
    const { asker: requester, keys } = request as { asker: string; keys: unknown };
    return requester === self ? [] : countEach(keys, (key) => admission.countOpen(key));
  });
  broker.onRequest("audience of", (room): Omit<Audience, "partial"> => {
    const all = findConnections({ connections, rooms }, { room: String(room) });
    return { total: all.length, authenticated: all.filter(({ caller }) => caller.kind !== "anonymous").length };
  });

  return {
    countConnections: createCounter(broker, "connections of"),
    countMembers: createCounter(broker, "members of"),
    countElsewhere: createCounter(broker, "elsewhere", (keys) => ({ asker: self, keys })),
    async getAudience(room) {
      const { replies, partial } = await broker.gather<Omit<Audience, "partial">>("audience of", room);
      const add = (part: "total" | "authenticated") => replies.reduce((sum, reply) => sum + reply[part], 0);
      return { total: add("total"), authenticated: add("authenticated"), partial };
    },
  };
}

interface KeyCount {
  count: number;
  partial: boolean;
}

/**
 * Asks all nodes, and adds up what they count for each key. After a pause the keys of one turn go in a request at once, and those of all
 * calls in the BATCH_MS after it in the next. They do not wait for the request that is under way, because that one may be waiting for a
 * node that does not reply.
 */
function createCounter(
  broker: Broker,
  name: string,
  payload: (keys: readonly string[]) => unknown = (keys) => keys,
): (keys: readonly string[]) => Promise<KeyCounts> {
  let nextAt = 0;
  const load: Load<string, KeyCount> = createLoader({
    async read(keys) {
      const { replies, partial } = await broker.gather<[string, number][]>(name, payload(keys));
      const counts = new Map<string, number>();
      for (const [key, count] of replies.flat()) counts.set(key, (counts.get(key) ?? 0) + count);
      return keys.map((key) => ({ count: counts.get(key) ?? 0, partial }));
    },
    toText: (key) => key,
    maxBatch: MAX_KEYS,
    inFlight: Number.POSITIVE_INFINITY,
    schedule(start) {
      const request = () => {
        nextAt = performance.now() + BATCH_MS;
        start();
      };
      const waitMs = nextAt - performance.now();
      if (waitMs > 0) setTimeout(request, waitMs);
      else setImmediate(request);
    },
  });
  return async (keys) => {
    const counted = await Promise.all(keys.map(load));
    return {
      counts: new Map(keys.map((key, i) => [key, counted[i]!.count])),
      partial: counted.some(({ partial }) => partial),
    };
  };
}

/** The counts that are not 0, of keys as another node sent them. */
function countEach(keys: unknown, count: (key: string) => number): [string, number][] {
  if (!Array.isArray(keys)) return [];
  const texts: string[] = keys.filter((key) => typeof key === "string");
  return texts.map((key): [string, number] => [key, count(key)]).filter(([, n]) => n > 0);
}

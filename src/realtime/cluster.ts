import { createAcks } from "./acks.ts";
import type { Broker, Gathered } from "./broker/broker.ts";
import { type Census, placeOf } from "./census.ts";
import type { Cluster, ConnectionInfo, Counted, NodeStats } from "./index.ts";
import { together } from "./together.ts";

/** ms in which asks become one question. */
const TOGETHER = 2;
/** Keys in one question. */
const MOST_KEYS = 10_000;
const MOST_LISTED = 1_000;

/** Connections as another node tells them, and as many as it was asked for. */
type Counts = [string, number][];

/** The questions that each node answers about itself, and their answers put together. */
export function createCluster({ broker, census }: { broker: Broker; census: Census }): Cluster & {
  /** Connections that count for these keys of admission.ts on the other nodes. */
  elsewhere(keys: readonly string[]): Promise<Counted>;
  /** A client of this node has acknowledged something. */
  heard(ackId: string, userId: string | null): void;
} {
  broker.answer("connections of", (keys) => census.connectionsOf(textsOf(keys)));
  broker.answer("members of", (keys) => census.membersOf(textsOf(keys)));
  broker.answer("audience of", (room) => census.audienceOf(String(room)));
  // Not the number of the node: another one may have it, while this one is about to find out.
  const self = crypto.randomUUID();
  broker.answer("elsewhere", (question) => {
    const { asker, keys } = question as { asker: string; keys: unknown };
    return asker === self ? [] : census.held(textsOf(keys));
  });
  broker.answer("stats", () => census.stats());
  broker.answer("connections", (query) => census.list(query as Parameters<Census["list"]>[0]));
  const acks = createAcks(broker);
  const connectionsOf = together(TOGETHER, (keys) => sum(broker, "connections of", keys));
  const membersOf = together(TOGETHER, (keys) => sum(broker, "members of", keys));
  const elsewhere = together(TOGETHER, (keys) => sum(broker, "elsewhere", keys, (keys) => ({ asker: self, keys })));
  const stats = together(TOGETHER, () => broker.gather<NodeStats>("stats", null));

  return {
    connectionsOf: async (userIds) => only(userIds, await connectionsOf(userIds)),
    membersOf: async (rooms) => only(rooms, await membersOf(rooms)),
    async audienceOf(room) {
      const { answers, partial } = await broker.gather<ReturnType<Census["audienceOf"]>>("audience of", room);
      const add = (part: "total" | "authenticated") => answers.reduce((sum, answer) => sum + answer[part], 0);
      return { total: add("total"), authenticated: add("authenticated"), partial };
    },
    async stats() {
      const { answers, partial } = await stats([]);
      return { nodes: answers.toSorted((a, b) => a.node - b.node), partial };
    },
    async connections(query) {
      const limit = Math.min(query.limit, MOST_LISTED);
      // One more than asked for says whether there are more.
      const asked = { ...query, limit: limit + 1 };
      const { answers, partial } = await broker.gather<ConnectionInfo[]>("connections", asked);
      const all = answers.flat().sort(inOrder);
      const data = all.slice(0, limit);
      return { data, next: all.length > limit ? data.at(-1)!.id : null, partial };
    },
    elsewhere: async (keys) => only(keys, await elsewhere(keys)),
    acked: acks.acked,
    heard: acks.heard,
  };
}

async function sum(
  broker: Broker,
  question: string,
  keys: string[],
  payload: (keys: string[]) => unknown = (keys) => keys,
): Promise<Counted> {
  const counts = new Map<string, number>();
  let partial = false;
  for (let from = 0; from < keys.length; from += MOST_KEYS) {
    const gathered: Gathered<Counts> = await broker.gather(question, payload(keys.slice(from, from + MOST_KEYS)));
    partial ||= gathered.partial;
    for (const [key, count] of gathered.answers.flat()) counts.set(key, (counts.get(key) ?? 0) + count);
  }
  return { counts, partial };
}

/** What one asker wanted to know of what all of them asked. */
function only(keys: readonly string[], { counts, partial }: Counted): Counted {
  return { counts: new Map(keys.map((key) => [key, counts.get(key) ?? 0])), partial };
}

function inOrder(a: ConnectionInfo, b: ConnectionInfo): number {
  const [one, other] = [placeOf(a.id), placeOf(b.id)];
  return one.node - other.node || one.id - other.id;
}

function textsOf(keys: unknown): string[] {
  return Array.isArray(keys) ? keys.filter((key) => typeof key === "string") : [];
}

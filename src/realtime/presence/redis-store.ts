import type { RedisLink } from "../broker/redis-link.ts";
import type { PresenceStore, RoomPresence } from "./presence-store.ts";
import { READ, SWEEP, WRITE } from "./redis-scripts.ts";

/** Rooms of one script, so that none keeps the server busy for long. */
const MAX_ROOMS_PER_SCRIPT = 100;

type Read = [room: string, version: string, count: number, fields: string[]];

/**
 * Presence in Redis, in keys with `prefix`: `room:<room>` has for each person the nodes they are on and their name, `node:<node>` the
 * rooms and members of a node, `nodes` when each node's lease ends.
 */
export function createRedisPresence(redis: RedisLink, prefix: string): PresenceStore {
  const node = crypto.randomUUID();
  let writes = 0;
  /** A server that was away may have lost a part, even if it still knows this node. */
  let wasDisconnected = false;
  redis.onDisconnect(() => {
    wasDisconnected = true;
  });
  const stamp = () => `${node} ${++writes}`;
  const run = (script: string, ...args: (string | number)[]) =>
    redis.run((client) => client.eval(script, 0, prefix, ...args));

  return {
    kind: "redis",
    async write(changes, ttl) {
      const mayHaveLostData = wasDisconnected;
      wasDisconnected = false;
      try {
        const args = changes.flatMap(({ room, userId, username }) => [room, userId, username ?? ""]);
        return (await run(WRITE, node, stamp(), ttl, ...args)) === 1 && !mayHaveLostData;
      } catch (error) {
        wasDisconnected = true;
        throw error;
      }
    },
    async readOwn() {
      const keys = await redis.run((client) => client.smembers(`${prefix}node:${node}`));
      return keys.map((key) => {
        const [room = "", userId = ""] = key.split(" ");
        return { room, userId };
      });
    },
    sweep: async () => (await run(SWEEP, stamp())) === 1,
    async read(known, max) {
      const found = new Map<string, RoomPresence>();
      const all = [...known];
      for (let from = 0; from < all.length; from += MAX_ROOMS_PER_SCRIPT) {
        const batch = all.slice(from, from + MAX_ROOMS_PER_SCRIPT);
        // No version begins with "?", so this one always differs.
        const rows = (await run(READ, max, ...batch.flatMap(([room, version]) => [room, version ?? "?"]))) as Read[];
        for (const [room, version, count, fields] of rows) {
          found.set(room, { version, count, members: count > max ? null : parseMembers(fields) });
        }
      }
      return found;
    },
  };
}

/** A room's hash: person, `nodes name`, person, … and the version, under the empty name. */
function parseMembers(fields: readonly string[]): Map<string, string> {
  const members = new Map<string, string>();
  for (let i = 0; i < fields.length; i += 2) {
    const [userId = "", value = ""] = fields.slice(i, i + 2);
    if (userId !== "") members.set(userId, value.slice(value.indexOf(" ") + 1));
  }
  return members;
}

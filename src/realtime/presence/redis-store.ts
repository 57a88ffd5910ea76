import type { RedisLink } from "../broker/redis-link.ts";
import type { PresenceStore, RoomPresence } from "./presence-store.ts";
import { READ, SWEEP, WRITE } from "./redis-scripts.ts";

/** Rooms of one script, so that none keeps the server busy for long. */
const MAX_ROOMS_PER_SCRIPT = 100;

type Read = [room: string, version: string, count: number, fields: string[]];

/**
 * Presence in Redis: `room:<room>` holds for each person the nodes they are on and their name, `node:<node>` the places of a node,
 * `nodes` until when each one lives, all behind `prefix`.
 */
export function createRedisPresence(redis: RedisLink, prefix: string): PresenceStore {
  const node = crypto.randomUUID();
  let writes = 0;
  /** A server that was away may have forgotten a part, whatever it says of this node afterwards. */
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
      const mayHaveForgotten = wasDisconnected;
      wasDisconnected = false;
      try {
        const places = changes.flatMap(({ room, userId, username }) => [room, userId, username ?? ""]);
        return (await run(WRITE, node, stamp(), ttl, ...places)) === 1 && !mayHaveForgotten;
      } catch (error) {
        wasDisconnected = true;
        throw error;
      }
    },
    async readOwn() {
      const places = await redis.run((client) => client.smembers(`${prefix}node:${node}`));
      return places.map((place) => {
        const [room = "", userId = ""] = place.split(" ");
        return { room, userId };
      });
    },
    sweep: async () => (await run(SWEEP, stamp())) === 1,
    async read(known, max) {
      const found = new Map<string, RoomPresence>();
      const all = [...known];
      for (let from = 0; from < all.length; from += MAX_ROOMS_PER_SCRIPT) {
        const asked = all.slice(from, from + MAX_ROOMS_PER_SCRIPT);
        // A version never begins with "?": this one is like none.
        const rows = (await run(READ, max, ...asked.flatMap(([room, version]) => [room, version ?? "?"]))) as Read[];
        for (const [room, version, count, fields] of rows) {
          found.set(room, { version, count, people: count > max ? null : parsePeople(fields) });
        }
      }
      return found;
    },
  };
}

/** Of a room's hash: person, `nodes name`, person, … and in between the version, under the empty name. */
function parsePeople(fields: readonly string[]): Map<string, string> {
  const people = new Map<string, string>();
  for (let i = 0; i < fields.length; i += 2) {
    const [userId = "", value = ""] = fields.slice(i, i + 2);
    if (userId !== "") people.set(userId, value.slice(value.indexOf(" ") + 1));
  }
  return people;
}

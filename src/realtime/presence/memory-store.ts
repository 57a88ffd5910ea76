import { EMPTY_VERSION, type PresenceStore, type RoomPresence } from "./presence-store.ts";

interface Room {
  version: string;
  people: Map<string, string>;
}

/** Presence of a node that is alone. */
export function createMemoryPresence(): PresenceStore {
  const rooms = new Map<string, Room>();
  let writes = 0;
  return {
    kind: "memory",
    async write(changes) {
      const version = String(++writes);
      for (const { room: name, userId, username } of changes) {
        const room = rooms.get(name) ?? { version, people: new Map() };
        room.version = version;
        if (username === null) room.people.delete(userId);
        else room.people.set(userId, username);
        if (room.people.size === 0) rooms.delete(name);
        else rooms.set(name, room);
      }
      return true;
    },
    async readOwn() {
      return [...rooms].flatMap(([room, { people }]) => [...people.keys()].map((userId) => ({ room, userId })));
    },
    sweep: async () => false,
    async read(known, max) {
      const found = new Map<string, RoomPresence>();
      for (const [name, version] of known) {
        const room = rooms.get(name);
        const now = room?.version ?? EMPTY_VERSION;
        if (now === version) continue;
        const count = room?.people.size ?? 0;
        found.set(name, { version: now, count, people: count > max ? null : new Map(room?.people) });
      }
      return found;
    },
  };
}

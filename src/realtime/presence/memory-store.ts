import { EMPTY_VERSION, type PresenceStore, type RoomPresence } from "./presence-store.ts";

interface Room {
  version: string;
  members: Map<string, string>;
}

/** Presence of a single node. */
export function createMemoryPresence(): PresenceStore {
  const rooms = new Map<string, Room>();
  let writes = 0;
  return {
    kind: "memory",
    async write(changes) {
      const version = String(++writes);
      for (const { room: name, userId, username } of changes) {
        const room = rooms.get(name) ?? { version, members: new Map() };
        room.version = version;
        if (username === null) room.members.delete(userId);
        else room.members.set(userId, username);
        if (room.members.size === 0) rooms.delete(name);
        else rooms.set(name, room);
      }
      return true;
    },
    async readOwn() {
      return [...rooms].flatMap(([room, { members }]) => [...members.keys()].map((userId) => ({ room, userId })));
    },
    sweep: async () => false,
    async read(known, max) {
      const found = new Map<string, RoomPresence>();
      for (const [name, version] of known) {
        const room = rooms.get(name);
        const now = room?.version ?? EMPTY_VERSION;
        if (now === version) continue;
        const count = room?.members.size ?? 0;
        found.set(name, { version: now, count, members: count > max ? null : new Map(room?.members) });
      }
      return found;
    },
  };
}

import { type RoomKind, roomId, roomKind } from "../../../protocol/rooms.ts";
import type { Connection } from "../connections/connection.ts";
import type { FrameCounts } from "../connections/count-frames.ts";
import type { Audience, ConnectionInfo, ConnectionQuery, NodeStats } from "../index.ts";
import type { Admission } from "../limits/admission.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";
import type { HubCounts } from "../transport.ts";

/** Maximum rooms listed in a node's statistics, and for one connection. */
const MAX_LISTED_ROOMS = 100;

/** This node's part of the queries of `Cluster`, without waiting. */
export interface LocalStats {
  /** Only keys with a count above 0. */
  countConnections(userIds: readonly string[]): [string, number][];
  countMembers(rooms: readonly string[]): [string, number][];
  /** Connections that count for these keys of admission.ts. */
  countAdmitted(keys: readonly string[]): [string, number][];
  getAudience(room: string): Omit<Audience, "partial">;
  getStats(): NodeStats;
  listConnections(query: ConnectionQuery): ConnectionInfo[];
}

export interface LocalStatsDeps {
  /** Its number at present. */
  node: () => number;
  startedAt: number;
  connections: readonly Connection[];
  rooms: RoomRegistry;
  admission: Admission;
  counts: () => HubCounts;
  frames: FrameCounts;
}

/** Counts and lists this node's connections for the cluster's requests. */
export function createLocalStats(deps: LocalStatsDeps): LocalStats {
  const { connections, rooms } = deps;

  function countRoomMembers(room: string): number {
    if (room === "all") return connections.length;
    if (roomKind(room) === "user") return rooms.userConnections.get(roomId(room)).length;
    return rooms.get(room)?.members ?? 0;
  }

  function findConnections({ userId, room }: ConnectionQuery): readonly Connection[] {
    const all = userId === undefined ? connections : rooms.userConnections.get(userId);
    if (room === undefined || room === "all") return all;
    if (roomKind(room) === "user") {
      const own = rooms.userConnections.get(roomId(room));
      return userId === undefined ? own : own.filter((connection) => all.includes(connection));
    }
    const found = rooms.get(room);
    return found === undefined ? [] : all.filter((connection) => connection.isIn(found));
  }

  function describeConnection(connection: Connection): ConnectionInfo {
    const { caller } = connection;
    return {
      id: `${deps.node()}-${connection.id}`,
      user_id: caller.kind === "user" ? caller.userId : null,
      username: caller.kind === "user" ? caller.username : null,
      session_id: caller.kind === "user" ? caller.sessionId : null,
      address: connection.address,
      opened_at: connection.openedAt,
      rooms: connection.rooms.slice(0, MAX_LISTED_ROOMS).map(({ name }) => name),
      room_count: connection.rooms.length,
    };
  }

  return {
    countConnections: (userIds) => countEach(userIds, (id) => rooms.userConnections.get(id).length),
    countMembers: (names) => countEach(names, countRoomMembers),
    countAdmitted: (keys) => countEach(keys, (key) => deps.admission.countOpen(key)),
    getAudience(room) {
      const all = findConnections({ room, limit: 0 });
      return { total: all.length, authenticated: all.filter(({ caller }) => caller.kind !== "anonymous").length };
    },
    getStats(): NodeStats {
      const busiest: { name: string; members: number }[] = [];
      for (const { name, members } of rooms.all()) if (members > 0) busiest.push({ name, members });
      busiest.sort((a, b) => b.members - a.members);
      const { connections, authenticated, anonymous, rooms: joins } = deps.counts();
      return {
        node: deps.node(),
        started_at: deps.startedAt,
        connections,
        authenticated,
        anonymous,
        places: joins as Record<RoomKind, number>,
        room_count: busiest.length,
        rooms: busiest.slice(0, MAX_LISTED_ROOMS),
        sent: deps.frames.sent,
        received: deps.frames.received,
      };
    },
    listConnections(query) {
      const after = query.after === undefined ? null : parseConnectionId(query.after);
      const node = deps.node();
      if (query.node !== undefined && query.node !== node) return [];
      if (after !== null && node < after.node) return [];
      const minId = after !== null && after.node === node ? after.id : 0;
      return findConnections(query)
        .filter(({ id }) => id > minId)
        .sort((a, b) => a.id - b.id)
        .slice(0, query.limit)
        .map(describeConnection);
    },
  };
}

/** `17-4` → node 17, the fourth connection that it accepted. Connections are listed in this order. */
export function parseConnectionId(connectionId: string): { node: number; id: number } {
  const [node = 0, id = 0] = connectionId.split("-").map(Number);
  return { node, id };
}

/** The counts that are not 0. */
function countEach(keys: readonly string[], count: (key: string) => number): [string, number][] {
  return keys.map((key): [string, number] => [key, count(key)]).filter(([, n]) => n > 0);
}

import { type RoomKind, roomId, roomKind } from "../../protocol/rooms.ts";
import type { Admission } from "./admission.ts";
import type { Connection } from "./connection.ts";
import type { FrameCounts } from "./count-frames.ts";
import type { HubCounts } from "./doors.ts";
import type { Audience, ConnectionInfo, ConnectionQuery, NodeStats } from "./index.ts";
import type { Rooms } from "./rooms.ts";

/** Rooms that a node names in its statistics, and that one connection in the list names. */
const ROOMS_TOLD = 100;

/** What this node knows alone of what `Cluster` asks of all of them, at once. */
export interface Census {
  /** Those that have any. */
  connectionsOf(userIds: readonly string[]): [string, number][];
  membersOf(rooms: readonly string[]): [string, number][];
  /** Connections that count for these keys of admission.ts. */
  held(keys: readonly string[]): [string, number][];
  audienceOf(room: string): Omit<Audience, "partial">;
  stats(): NodeStats;
  list(query: ConnectionQuery): ConnectionInfo[];
}

export interface CensusDeps {
  /** Its number at present. */
  node: () => number;
  startedAt: number;
  connections: readonly Connection[];
  rooms: Rooms;
  admission: Admission;
  counts: () => HubCounts;
  frames: FrameCounts;
}

/** Who is on this node, for the questions of the cluster. */
export function createCensus(deps: CensusDeps): Census {
  const { connections, rooms } = deps;

  function membersOf(room: string): number {
    if (room === "all") return connections.length;
    if (roomKind(room) === "user") return rooms.people.of(roomId(room)).length;
    return rooms.get(room)?.members ?? 0;
  }

  function among({ userId, room }: ConnectionQuery): readonly Connection[] {
    const all = userId === undefined ? connections : rooms.people.of(userId);
    if (room === undefined || room === "all") return all;
    if (roomKind(room) === "user") {
      const own = rooms.people.of(roomId(room));
      return userId === undefined ? own : own.filter((connection) => all.includes(connection));
    }
    const found = rooms.get(room);
    return found === undefined ? [] : all.filter((connection) => connection.isIn(found));
  }

  function shown(connection: Connection): ConnectionInfo {
    const { caller } = connection;
    return {
      id: `${deps.node()}-${connection.id}`,
      user_id: caller.kind === "user" ? caller.userId : null,
      username: caller.kind === "user" ? caller.username : null,
      session_id: caller.kind === "user" ? caller.sessionId : null,
      address: connection.address,
      opened_at: connection.openedAt,
      rooms: connection.rooms.slice(0, ROOMS_TOLD).map(({ name }) => name),
      room_count: connection.rooms.length,
    };
  }

  return {
    connectionsOf: (userIds) => counted(userIds, (id) => rooms.people.of(id).length),
    membersOf: (names) => counted(names, membersOf),
    held: (keys) => counted(keys, (key) => deps.admission.open(key)),
    audienceOf(room) {
      const all = among({ room, limit: 0 });
      return { total: all.length, authenticated: all.filter(({ caller }) => caller.kind !== "anonymous").length };
    },
    stats(): NodeStats {
      const busiest: { name: string; members: number }[] = [];
      for (const { name, members } of rooms.all()) if (members > 0) busiest.push({ name, members });
      busiest.sort((a, b) => b.members - a.members);
      const { connections, authenticated, anonymous, rooms: places } = deps.counts();
      return {
        node: deps.node(),
        started_at: deps.startedAt,
        connections,
        authenticated,
        anonymous,
        places: places as Record<RoomKind, number>,
        room_count: busiest.length,
        rooms: busiest.slice(0, ROOMS_TOLD),
        sent: deps.frames.sent,
        received: deps.frames.received,
      };
    },
    list(query) {
      const after = query.after === undefined ? null : placeOf(query.after);
      const node = deps.node();
      if (query.node !== undefined && query.node !== node) return [];
      if (after !== null && node < after.node) return [];
      const least = after !== null && after.node === node ? after.id : 0;
      return among(query)
        .filter(({ id }) => id > least)
        .sort((a, b) => a.id - b.id)
        .slice(0, query.limit)
        .map(shown);
    },
  };
}

/** `17-4` → node 17, the fourth connection that it took. Connections are listed in this order. */
export function placeOf(connectionId: string): { node: number; id: number } {
  const [node = 0, id = 0] = connectionId.split("-").map(Number);
  return { node, id };
}

/** Those that are not nothing. */
function counted(keys: readonly string[], count: (key: string) => number): [string, number][] {
  return keys.map((key): [string, number] => [key, count(key)]).filter(([, n]) => n > 0);
}

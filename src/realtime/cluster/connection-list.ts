import { roomId, roomKind } from "../../../protocol/rooms.ts";
import type { Broker } from "../broker/broker.ts";
import type { Connection } from "../connections/connection.ts";
import type { Cluster, ConnectionInfo, ConnectionQuery } from "../index.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";

const MAX_LISTED = 1_000;
/** Maximum rooms listed for one connection. */
const MAX_LISTED_ROOMS = 100;

interface LocalConnections {
  connections: readonly Connection[];
  rooms: RoomRegistry;
}

/** Lists connections, page by page: each node lists its own, and they are merged in the order of node and number. */
export function createListConnections({
  broker,
  node: getNode,
  ...local
}: LocalConnections & { broker: Broker; node: () => number }): Cluster["listConnections"] {
  broker.onRequest("connections", (request): ConnectionInfo[] => {
    const query = request as ConnectionQuery;
    const after = query.after === undefined ? null : parseConnectionId(query.after);
    const node = getNode();
    if (query.node !== undefined && query.node !== node) return [];
    if (after !== null && node < after.node) return [];
    const minId = after !== null && after.node === node ? after.id : 0;
    return findConnections(local, query)
      .filter(({ id }) => id > minId)
      .sort((a, b) => a.id - b.id)
      .slice(0, query.limit)
      .map((connection) => describeConnection(connection, node));
  });

  return async (query) => {
    const limit = Math.min(query.limit, MAX_LISTED);
    // One more than the limit shows whether there are more.
    const extended = { ...query, limit: limit + 1 };
    const { replies, partial } = await broker.gather<ConnectionInfo[]>("connections", extended);
    const all = replies.flat().sort(compareConnections);
    const data = all.slice(0, limit);
    return { data, next: all.length > limit ? data.at(-1)!.id : null, partial };
  };
}

/** This node's connections of a person, in a room, or both. */
export function findConnections(
  { connections, rooms }: LocalConnections,
  { userId, room }: Pick<ConnectionQuery, "userId" | "room">,
): readonly Connection[] {
  const all = userId === undefined ? connections : rooms.userConnections.get(userId);
  if (room === undefined || room === "all") return all;
  if (roomKind(room) === "user") {
    const own = rooms.userConnections.get(roomId(room));
    return userId === undefined ? own : own.filter((connection) => all.includes(connection));
  }
  const found = rooms.get(room);
  return found === undefined ? [] : all.filter((connection) => connection.isIn(found));
}

function describeConnection({ id, caller, address, openedAt, rooms }: Connection, node: number): ConnectionInfo {
  return {
    id: `${node}-${id}`,
    user_id: caller.kind === "user" ? caller.userId : null,
    username: caller.kind === "user" ? caller.username : null,
    session_id: caller.kind === "user" ? caller.sessionId : null,
    address,
    opened_at: openedAt,
    rooms: rooms.slice(0, MAX_LISTED_ROOMS).map(({ name }) => name),
    room_count: rooms.length,
  };
}

/** `17-4` → node 17, the fourth connection that it accepted. */
function parseConnectionId(connectionId: string): { node: number; id: number } {
  const [node = 0, id = 0] = connectionId.split("-").map(Number);
  return { node, id };
}

function compareConnections(a: ConnectionInfo, b: ConnectionInfo): number {
  const [one, other] = [parseConnectionId(a.id), parseConnectionId(b.id)];
  return one.node - other.node || one.id - other.id;
}

import type { AdminDeps } from "./deps.ts";
import { findRoomHeads } from "./store/room-heads.ts";

export interface RoomInfo {
  room: string;
  connections: number;
  /** Null: the room has no log entry. */
  head_seq: number | null;
}

const MAX_ROOMS = 100;

/** The rooms with the most connections, over all nodes; each node reports its hundred largest. `partial`: some node did not respond. */
export async function findBusiestRooms({
  sql,
  realtime,
}: Pick<AdminDeps, "sql" | "realtime">): Promise<{ data: RoomInfo[]; partial: boolean }> {
  const { nodes, partial } = await realtime.cluster.getStats();
  const members = new Map<string, number>();
  for (const { rooms } of nodes)
    for (const room of rooms) members.set(room.name, (members.get(room.name) ?? 0) + room.members);
  const busiest = [...members].toSorted(([, a], [, b]) => b - a).slice(0, MAX_ROOMS);
  const heads = await findRoomHeads(
    sql,
    busiest.map(([room]) => room),
  );
  const data = busiest.map(([room, connections]) => ({ room, connections, head_seq: heads.get(room) ?? null }));
  return { data, partial };
}

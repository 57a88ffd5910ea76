import type { AdminDeps } from "./deps.ts";
import { headsOf } from "./store/rooms.ts";

export interface RoomInfo {
  room: string;
  connections: number;
  /** Null: nothing was ever said in it. */
  head_seq: number | null;
}

const MOST = 100;

/** The rooms with the most connections, over all nodes; each node names its hundred. `partial`: some node did not answer. */
export async function busiestRooms({
  sql,
  realtime,
}: Pick<AdminDeps, "sql" | "realtime">): Promise<{ data: RoomInfo[]; partial: boolean }> {
  const { nodes, partial } = await realtime.cluster.getStats();
  const members = new Map<string, number>();
  for (const { rooms } of nodes)
    for (const room of rooms) members.set(room.name, (members.get(room.name) ?? 0) + room.members);
  const busiest = [...members].toSorted(([, a], [, b]) => b - a).slice(0, MOST);
  const heads = await headsOf(
    sql,
    busiest.map(([room]) => room),
  );
  const data = busiest.map(([room, connections]) => ({ room, connections, head_seq: heads.get(room) ?? null }));
  return { data, partial };
}

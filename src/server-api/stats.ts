import { coversRoom } from "../platform/caller.ts";
import type { ServerApiDeps, Stats } from "./index.ts";
import { parseRoom, requireService } from "./policy.ts";

const MAX_ROOMS = 100;

/** How many connections the cluster has, and where. */
export function createStats({ cluster, now }: Pick<ServerApiDeps, "cluster" | "now">): Stats {
  return async (caller, name) => {
    const room = name === undefined ? undefined : parseRoom(name);
    const { rooms } = requireService(caller, "stats", room);
    const [{ nodes, partial }, audience] = await Promise.all([
      cluster.getStats(),
      room === undefined ? null : cluster.getAudience(room),
    ]);
    const sum = (select: (node: (typeof nodes)[number]) => number) =>
      nodes.reduce((total, node) => total + select(node), 0);
    const total = audience?.total ?? sum((node) => node.connections);
    const authenticated = audience?.authenticated ?? sum((node) => node.authenticated);
    const largest = room === undefined ? largestRooms(nodes.flatMap((node) => node.rooms)) : [[room, total] as const];
    const started = Math.min(...nodes.map((node) => node.started_at), now());
    return {
      total,
      authenticated,
      anonymous: total - authenticated,
      per_room: Object.fromEntries(largest.filter(([name]) => coversRoom(rooms, name)).slice(0, MAX_ROOMS)),
      uptime_seconds: Math.floor((now() - started) / 1_000),
      sent: sum((node) => node.sent),
      received: sum((node) => node.received),
      nodes: nodes.length,
      partial: partial || (audience?.partial ?? false),
    };
  };
}

/** The members of each room on all nodes together, the largest first. Each node returns its hundred largest. */
function largestRooms(rooms: readonly { name: string; members: number }[]): (readonly [string, number])[] {
  const members = new Map<string, number>();
  for (const room of rooms) members.set(room.name, (members.get(room.name) ?? 0) + room.members);
  return [...members].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
}

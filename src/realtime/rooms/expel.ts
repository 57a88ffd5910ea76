import type { Connection } from "../connections/connection.ts";
import type { ConnectionRegistry } from "../connections/connection-registry.ts";
import type { FrameSender } from "../connections/frame-sender.ts";
import type { Expelled } from "../index.ts";
import type { Policies } from "./policies.ts";
import type { Room } from "./room.ts";
import type { RoomRegistry } from "./room-registry.ts";

/** What `expel` and `recheckAccess` work with. */
export interface ExpelDeps {
  rooms: RoomRegistry;
  connections: ConnectionRegistry;
  sender: FrameSender;
  policies: Policies;
}

/** Removes a person's, or every person's, connections from a room, pending joins too, and sends `room:left` (SPEC JN-8). */
export function expel(
  { rooms, connections, sender }: Omit<ExpelDeps, "policies">,
  name: string,
  expelled: Expelled,
): void {
  const room = rooms.get(name);
  if (room === undefined) return;
  const isExpelled = ({ caller }: Connection) =>
    caller.kind === "user" && (expelled === "everyone" || caller.userId === expelled.userId);
  for (const join of room.pendingJoins ?? []) {
    if (!isExpelled(join.connection)) continue;
    // Before the reply its rights are checked again: the person may have become a member again since.
    if (join.isReplaying) {
      join.refuse("forbidden");
      sender.sendLeft(join.connection, name, "forbidden");
    } else join.requireAuthorization();
  }
  const candidates = expelled === "everyone" ? connections.open : rooms.userConnections.get(expelled.userId);
  for (const connection of [...candidates]) {
    if (!isExpelled(connection) || !connection.isIn(room)) continue;
    rooms.leave(connection, room);
    sender.sendLeft(connection, name, "forbidden");
  }
}

/**
 * Checks again who may be in a room of which entries were skipped, or join it: one of them may have removed a person. When the
 * check fails, all members are removed with `unavailable`, and join again.
 */
export async function recheckAccess({ rooms, connections, sender, policies }: ExpelDeps, room: Room): Promise<void> {
  if (!policies.canExpel(room.name)) return;
  const pendingJoins = [...(room.pendingJoins ?? [])].filter((join) => join.connection.caller.kind === "user");
  for (const join of pendingJoins) join.requireAuthorization(); // before the reply the join itself checks
  const replaying = new Map(pendingJoins.filter((join) => join.isReplaying).map((join) => [join.connection, join]));
  const members = connections.open.filter(
    (one) => one.caller.kind === "user" && (one.isIn(room) || replaying.has(one)),
  );
  const refusals = await policies
    .authorize(members.map(({ caller }) => ({ caller, room: room.name })))
    .catch(() => members.map(() => "unavailable" as const));
  members.forEach((connection, i) => {
    const refusal = refusals[i] ?? null;
    if (refusal === null) return;
    const pendingJoin = replaying.get(connection);
    if (connection.isIn(room)) rooms.leave(connection, room);
    else if (pendingJoin?.isReplaying) pendingJoin.refuse(refusal);
    else return;
    sender.sendLeft(connection, room.name, refusal);
  });
}

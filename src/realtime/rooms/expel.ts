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

/** Takes all connections of a person, or of every person, out of a room, those on the way in too, and tells them (SPEC JN-8). */
export function expel(
  { rooms, connections, sender }: Omit<ExpelDeps, "policies">,
  name: string,
  expelled: Expelled,
): void {
  const room = rooms.get(name);
  if (room === undefined) return;
  const isExpelled = ({ caller }: Connection) =>
    caller.kind === "user" && (expelled === "everybody" || caller.userId === expelled.userId);
  for (const e of room.pendingJoins ?? []) {
    if (e.refusal !== null || !isExpelled(e.connection)) continue;
    // Before the answer its rights are asked again: the person may have been taken in once more since.
    if (e.isAnswered) {
      e.refusal = "forbidden";
      sender.sendLeft(e.connection, name, "forbidden");
    } else e.needsAuthorization = true;
  }
  const candidates = expelled === "everybody" ? connections.open : rooms.userConnections.get(expelled.userId);
  for (const connection of [...candidates]) {
    if (!isExpelled(connection) || !connection.isIn(room)) continue;
    rooms.leave(connection, room);
    sender.sendLeft(connection, name, "forbidden");
  }
}

/**
 * Asks again who may be in a room, or on the way in, of which entries were passed over: one of them may have taken a person out. When
 * that cannot be asked, everybody is sent out as for a fault of the server, and comes again.
 */
export async function recheckAccess({ rooms, connections, sender, policies }: ExpelDeps, room: Room): Promise<void> {
  if (!policies.canExpel(room.name)) return;
  const pendingJoins = [...(room.pendingJoins ?? [])].filter(
    (e) => e.refusal === null && e.connection.caller.kind === "user",
  );
  for (const e of pendingJoins) if (!e.isAnswered) e.needsAuthorization = true; // its join asks by itself
  const replaying = new Map(pendingJoins.filter((e) => e.isAnswered).map((e) => [e.connection, e]));
  const inside = connections.open.filter((one) => one.caller.kind === "user" && (one.isIn(room) || replaying.has(one)));
  const refusals = await policies
    .authorize(inside.map(({ caller }) => ({ caller, room: room.name })))
    .catch(() => inside.map(() => "unavailable" as const));
  inside.forEach((connection, i) => {
    const refusal = refusals[i] ?? null;
    if (refusal === null) return;
    const pendingJoin = replaying.get(connection);
    if (connection.isIn(room)) rooms.leave(connection, room);
    else if (pendingJoin !== undefined && pendingJoin.refusal === null) pendingJoin.refusal = refusal;
    else return;
    sender.sendLeft(connection, room.name, refusal);
  });
}

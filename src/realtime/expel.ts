import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import type { Expelled } from "./index.ts";
import type { Policies } from "./policies.ts";
import type { Room } from "./room.ts";
import type { Rooms } from "./rooms.ts";
import type { Sender } from "./sender.ts";

/** What `expel` and `askAgain` work with. */
export interface ExpelDeps {
  rooms: Rooms;
  connections: Connections;
  sender: Sender;
  policies: Policies;
}

/** Takes all connections of a person, or of every person, out of a room, those on the way in too, and tells them (SPEC JN-8). */
export function expel({ rooms, connections, sender }: Omit<ExpelDeps, "policies">, name: string, who: Expelled): void {
  const room = rooms.get(name);
  if (room === undefined) return;
  const isMeant = ({ caller }: Connection) =>
    caller.kind === "user" && (who === "everybody" || caller.userId === who.userId);
  for (const e of room.entering ?? []) {
    if (e.refused !== null || !isMeant(e.connection)) continue;
    // Before the answer its rights are asked again: he may have been taken in once more since.
    if (e.answered) {
      e.refused = "forbidden";
      sender.left(e.connection, name, "forbidden");
    } else e.doubtful = true;
  }
  const candidates = who === "everybody" ? connections.open : rooms.people.of(who.userId);
  for (const connection of [...candidates]) {
    if (!isMeant(connection) || !connection.isIn(room)) continue;
    rooms.leave(connection, room);
    sender.left(connection, name, "forbidden");
  }
}

/**
 * Asks again who may be in a room, or on the way in, of which entries were passed over: one of them may have taken a person out. When
 * that cannot be asked, everybody is sent out as for a fault of the server, and comes again.
 */
export async function askAgain({ rooms, connections, sender, policies }: ExpelDeps, room: Room): Promise<void> {
  if (!policies.canExpel(room.name)) return;
  const arriving = [...(room.entering ?? [])].filter((e) => e.refused === null && e.connection.caller.kind === "user");
  for (const e of arriving) if (!e.answered) e.doubtful = true; // its join asks by itself
  const behindBacklog = new Map(arriving.filter((e) => e.answered).map((e) => [e.connection, e]));
  const inside = connections.open.filter(
    (one) => one.caller.kind === "user" && (one.isIn(room) || behindBacklog.has(one)),
  );
  const refusals = await policies
    .authorize(inside.map(({ caller }) => ({ caller, room: room.name })))
    .catch(() => inside.map(() => "unavailable" as const));
  inside.forEach((connection, i) => {
    const refusal = refusals[i] ?? null;
    if (refusal === null) return;
    const entering = behindBacklog.get(connection);
    if (connection.isIn(room)) rooms.leave(connection, room);
    else if (entering !== undefined && entering.refused === null) entering.refused = refusal;
    else return;
    sender.left(connection, room.name, refusal);
  });
}

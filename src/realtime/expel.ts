import type { Rooms } from "./rooms.ts";
import type { Sender } from "./sender.ts";

/** Takes all connections of a person out of a room, those on the way in too, and tells them (SPEC JN-8). */
export function expel(rooms: Rooms, sender: Sender, name: string, userId: string): void {
  const room = rooms.get(name);
  if (room === undefined) return;
  for (const e of room.entering ?? []) {
    const { caller } = e.connection;
    if (e.refused !== null || caller.kind !== "user" || caller.userId !== userId) continue;
    // Before the answer its rights are asked again: he may have been taken in once more since.
    if (e.answered) {
      e.refused = "forbidden";
      sender.left(e.connection, name, "forbidden");
    } else e.doubtful = true;
  }
  for (const connection of rooms.people.of(userId)) {
    if (!connection.isIn(room)) continue;
    rooms.leave(connection, room);
    sender.left(connection, name, "forbidden");
  }
}

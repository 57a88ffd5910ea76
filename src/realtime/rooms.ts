import { ROOM_KINDS, type RoomKind, roomKind } from "../../protocol/rooms.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import type { Connection } from "./connection.ts";
import { Room, type RoomOutlet } from "./room.ts";

/** The rooms that this node knows: those with members, with somebody on the way in, and those just left. */
export class Rooms {
  readonly #rooms = new Map<string, Room>();
  readonly #outlet: RoomOutlet;
  /** Places taken in rooms of each kind. */
  readonly places: Record<RoomKind, number>;

  constructor(outlet: RoomOutlet) {
    this.#outlet = outlet;
    this.places = Object.fromEntries(ROOM_KINDS.map((kind) => [kind, 0])) as Record<RoomKind, number>;
  }

  get(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  all(): IterableIterator<Room> {
    return this.#rooms.values();
  }

  open(name: string): Room {
    let room = this.#rooms.get(name);
    if (room === undefined) {
      room = new Room(name, this.#outlet, roomKind(name) === "user");
      this.#rooms.set(name, room);
    }
    return room;
  }

  offer(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.#rooms.get(entry.room)?.offer(entry);
  }

  /** The connection is live in the room from this moment on: it gets what is shown next, and nothing that was shown before. */
  enter(connection: Connection, room: Room): void {
    if (connection.socket === null || connection.isIn(room)) return;
    connection.addRoom(room);
    room.members++;
    this.places[roomKind(room.name)]++;
    if (room.direct === null) connection.socket.subscribe(room.name);
    else room.direct.push(connection);
  }

  /** Out of the room, live or on the way in. True when the connection was one of the two. */
  leave(connection: Connection, room: Room): boolean {
    let was = this.#turnBack(connection, room);
    if (connection.isIn(room)) {
      connection.socket?.unsubscribe(room.name);
      connection.removeRoom(room);
      this.#vacate(connection, room);
      was = true;
    }
    return was;
  }

  /** Out of all rooms, when the socket is gone and its subscriptions with it. */
  leaveAll(connection: Connection): void {
    for (const room of connection.rooms) this.#vacate(connection, room);
    connection.rooms = [];
  }

  #turnBack(connection: Connection, room: Room): boolean {
    let was = false;
    for (const e of room.entering ?? []) {
      if (e.connection !== connection || e.refused !== null) continue;
      e.refused = "gone";
      was = true;
    }
    return was;
  }

  #vacate(connection: Connection, room: Room): void {
    room.members--;
    room.stirred = true;
    this.places[roomKind(room.name)]--;
    const place = room.direct?.indexOf(connection) ?? -1;
    if (place >= 0) room.direct?.splice(place, 1);
    this.rest(room);
  }

  /** Forgets a room at once that is empty and has no place to remember: nobody was ever let in, or nothing was ever said. */
  rest(room: Room): void {
    if (!room.known && room.members === 0 && room.entering === null) this.#rooms.delete(room.name);
  }

  /** Every ROOM_REST: forgets rooms that are empty for that long, and the frames of those in which nothing happened. */
  sweep(): void {
    for (const room of this.#rooms.values()) {
      if (!room.stirred) {
        room.forgetFrames();
        if (room.members === 0 && room.entering === null) this.#rooms.delete(room.name);
      }
      room.stirred = false;
    }
  }

  forgetAll(): void {
    this.#rooms.clear();
  }
}

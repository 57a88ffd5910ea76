import { ROOM_KINDS, type RoomKind, roomId, roomKind } from "../../protocol/rooms.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import type { Connection } from "./connection.ts";
import { People } from "./people.ts";
import { Room, type RoomOutlet } from "./room.ts";

/** Told who comes into a room and who goes, when it has happened. */
export interface Moves {
  entered(connection: Connection, room: Room): void;
  left(connection: Connection, room: Room): void;
}

const UNNOTICED: Moves = { entered: () => {}, left: () => {} };

/** The rooms that this node knows: those with members, with somebody on the way in, those just left, and who is here at all. */
export class Rooms {
  readonly people = new People();
  readonly #rooms = new Map<string, Room>();
  readonly #outlet: RoomOutlet;
  readonly #moves: Moves;
  /** Places taken in rooms of each kind. */
  readonly places: Record<RoomKind, number>;

  constructor(outlet: RoomOutlet, moves: Moves = UNNOTICED) {
    this.#outlet = outlet;
    this.#moves = moves;
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
    for (const entry of entries) (this.#rooms.get(entry.room) ?? this.#ownRoom(entry.room))?.offer(entry);
  }

  /** Whether `offer` would have this entry shown to somebody, now or in its turn. */
  awaits(name: string, seq: number): boolean {
    return this.#rooms.get(name)?.awaits(seq) ?? this.#isOwn(name);
  }

  /** Whether `offer` would do anything with this entry. */
  needs(name: string, seq: number): boolean {
    return this.#rooms.get(name)?.needs(seq) ?? this.#isOwn(name);
  }

  announce(name: string, seq: number): void {
    (this.#rooms.get(name) ?? this.#ownRoom(name))?.announce(seq);
  }

  /** A person's own room is made when there is something to say in it, so that ten thousand quiet people cost nothing. */
  #ownRoom(name: string): Room | undefined {
    return this.#isOwn(name) ? this.open(name) : undefined;
  }

  /** Of a person who is here. */
  #isOwn(name: string): boolean {
    return roomKind(name) === "user" && this.people.of(roomId(name)).length > 0;
  }

  /** Whom a frame of a person's own room is for: all his connections but those on the way in again. */
  liveIn(room: Room): readonly Connection[] {
    const all = this.people.of(roomId(room.name));
    return room.entering === null ? all : all.filter((connection) => !room.isEntering(connection));
  }

  /** The connection is live in the room from this moment on: it gets what is shown next, and nothing that was shown before. */
  enter(connection: Connection, room: Room): void {
    if (connection.socket === null || connection.isIn(room)) return;
    if (!connection.takesPlace(room)) return;
    connection.addRoom(room);
    room.members++;
    this.places[roomKind(room.name)]++;
    connection.socket.subscribe(room.name);
    this.#moves.entered(connection, room);
  }

  /** Out of the room, live or on the way in. */
  leave(connection: Connection, room: Room): void {
    for (const e of room.entering ?? []) if (e.connection === connection && e.refused === null) e.refused = "gone";
    if (!connection.isIn(room)) return;
    connection.socket?.unsubscribe(room.name);
    connection.removeRoom(room);
    this.#vacate(room);
    this.#moves.left(connection, room);
  }

  /** Out of all rooms, when the socket is gone and its subscriptions with it. */
  leaveAll(connection: Connection): void {
    const { rooms } = connection;
    connection.rooms = [];
    for (const room of rooms) {
      this.#vacate(room);
      this.#moves.left(connection, room);
    }
  }

  #vacate(room: Room): void {
    room.members--;
    room.stirred = true;
    this.places[roomKind(room.name)]--;
    this.rest(room);
  }

  /** Forgets a room at once that is empty and has no place to remember: nobody was ever let in, or nothing was ever said. */
  rest(room: Room): void {
    if (room.known || room.members > 0 || room.entering !== null) return;
    // Something came for a person while a join of his tried in vain to read the place.
    if (room.behind) this.#outlet.missing(room);
    else if (this.#rooms.get(room.name) === room) this.#rooms.delete(room.name);
  }

  /** Every ROOM_REST: forgets rooms that are empty for that long, and the frames of those in which nothing happened. */
  sweep(): void {
    for (const room of this.#rooms.values()) {
      if (!room.stirred) {
        room.forgetFrames();
        if (!this.#isNeeded(room)) this.#rooms.delete(room.name);
      }
      room.stirred = false;
    }
  }

  /**
   * A person's own room keeps its place while he is here: without it whatever comes late would be taken for its beginning, and
   * shown again. One that is behind is being read, and must not be there twice.
   */
  #isNeeded(room: Room): boolean {
    if (room.members > 0 || room.entering !== null || room.behind) return true;
    return room.personal && this.people.of(roomId(room.name)).length > 0;
  }

  forgetAll(): void {
    this.#rooms.clear();
  }
}

import { ROOM_KINDS, type RoomKind, roomId, roomKind } from "../../../protocol/rooms.ts";
import type { LogEntry } from "../../platform/log/entry.ts";
import type { Connection } from "../connections/connection.ts";
import { UserConnections } from "../connections/user-connections.ts";
import { Room, type RoomEvents } from "./room.ts";

/** Told who comes into a room and who goes, when it has happened. */
export interface MembershipListener {
  joined(connection: Connection, room: Room): void;
  left(connection: Connection, room: Room): void;
}

const NO_LISTENER: MembershipListener = { joined: () => {}, left: () => {} };

/** The rooms that this node knows: those with members, with somebody on the way in, those just left, and who is here at all. */
export class RoomRegistry {
  readonly userConnections = new UserConnections();
  readonly #rooms = new Map<string, Room>();
  readonly #events: RoomEvents;
  readonly #listener: MembershipListener;
  /** Places taken in rooms of each kind. */
  readonly memberCounts: Record<RoomKind, number>;

  constructor(events: RoomEvents, listener: MembershipListener = NO_LISTENER) {
    this.#events = events;
    this.#listener = listener;
    this.memberCounts = Object.fromEntries(ROOM_KINDS.map((kind) => [kind, 0])) as Record<RoomKind, number>;
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
      room = new Room(name, this.#events, roomKind(name) === "user");
      this.#rooms.set(name, room);
    }
    return room;
  }

  ingest(entries: readonly LogEntry[]): void {
    for (const entry of entries) (this.#rooms.get(entry.room) ?? this.#openOwnRoom(entry.room))?.ingest(entry);
  }

  /** Whether `ingest` would have this entry shown to somebody, now or in its turn. */
  isAwaiting(name: string, seq: number): boolean {
    return this.#rooms.get(name)?.isAwaiting(seq) ?? this.#isOwn(name);
  }

  /** Whether `ingest` would do anything with this entry. */
  needs(name: string, seq: number): boolean {
    return this.#rooms.get(name)?.needs(seq) ?? this.#isOwn(name);
  }

  announce(name: string, seq: number): void {
    (this.#rooms.get(name) ?? this.#openOwnRoom(name))?.announce(seq);
  }

  /** A person's own room is made when there is something to say in it, so that ten thousand quiet people cost nothing. */
  #openOwnRoom(name: string): Room | undefined {
    return this.#isOwn(name) ? this.open(name) : undefined;
  }

  /** Of a person who is here. */
  #isOwn(name: string): boolean {
    return roomKind(name) === "user" && this.userConnections.get(roomId(name)).length > 0;
  }

  /** Whom a frame of a person's own room is for: all their connections but those on the way in again. */
  getLiveConnections(room: Room): readonly Connection[] {
    const all = this.userConnections.get(roomId(room.name));
    return room.pendingJoins === null ? all : all.filter((connection) => !room.isJoining(connection));
  }

  /** The connection is live in the room from this moment on: it gets what is shown next, and nothing that was shown before. */
  join(connection: Connection, room: Room): void {
    if (connection.socket === null || connection.isIn(room)) return;
    if (!connection.countsAsMember(room)) return;
    connection.addRoom(room);
    room.members++;
    this.memberCounts[roomKind(room.name)]++;
    connection.socket.subscribe(room.name);
    this.#listener.joined(connection, room);
  }

  /** Out of the room, live or on the way in. */
  leave(connection: Connection, room: Room): void {
    for (const e of room.pendingJoins ?? []) if (e.connection === connection && e.refusal === null) e.refusal = "gone";
    if (!connection.isIn(room)) return;
    connection.socket?.unsubscribe(room.name);
    connection.removeRoom(room);
    this.#decrementMembers(room);
    this.#listener.left(connection, room);
  }

  /** Out of all rooms, when the socket is gone and its subscriptions with it. */
  leaveAll(connection: Connection): void {
    const { rooms } = connection;
    connection.rooms = [];
    for (const room of rooms) {
      this.#decrementMembers(room);
      this.#listener.left(connection, room);
    }
  }

  #decrementMembers(room: Room): void {
    room.members--;
    room.isActive = true;
    this.memberCounts[roomKind(room.name)]--;
    this.evictIfEmpty(room);
  }

  /** Forgets a room at once that is empty and has no place to remember: nobody was ever let in, or nothing was ever said. */
  evictIfEmpty(room: Room): void {
    if (room.isPositioned || room.members > 0 || room.pendingJoins !== null) return;
    // Something came for a person while a join of theirs tried in vain to read the place.
    if (room.hasGap) this.#events.onGap(room);
    else if (this.#rooms.get(room.name) === room) this.#rooms.delete(room.name);
  }

  /** Every ROOM_IDLE_MS: forgets rooms that are empty for that long, and the frames of those in which nothing happened. */
  evictIdle(): void {
    for (const room of this.#rooms.values()) {
      if (!room.isActive) {
        room.clearHistory();
        if (!this.#isNeeded(room)) this.#rooms.delete(room.name);
      }
      room.isActive = false;
    }
  }

  /**
   * A person's own room keeps its place while they are here: without it whatever comes late would be taken for its beginning, and
   * shown again. One that is behind is being read, and must not be there twice.
   */
  #isNeeded(room: Room): boolean {
    if (room.members > 0 || room.pendingJoins !== null || room.hasGap) return true;
    return room.isPersonal && this.userConnections.get(roomId(room.name)).length > 0;
  }

  clear(): void {
    this.#rooms.clear();
  }
}

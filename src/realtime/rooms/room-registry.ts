import { ROOM_KINDS, type RoomKind, roomId, roomKind } from "../../../protocol/rooms.ts";
import type { LogEntry } from "../../platform/log/entry.ts";
import type { Connection } from "../connections/connection.ts";
import { UserConnections } from "../connections/user-connections.ts";
import { InternalRooms, isInternal } from "./internal-rooms.ts";
import { Room, type RoomEvents } from "./room.ts";

/** Called after a connection has joined or left a room. */
export interface MembershipListener {
  joined(connection: Connection, room: Room): void;
  left(connection: Connection, room: Room): void;
}

const NO_LISTENER: MembershipListener = { joined: () => {}, left: () => {} };

/** The rooms in this node's memory: with members, with pending joins, or left a short time ago; and the connections by person. */
export class RoomRegistry {
  readonly userConnections: UserConnections;
  readonly #rooms = new Map<string, Room>();
  readonly #events: RoomEvents;
  readonly #listener: MembershipListener;
  readonly #internal: InternalRooms;
  /** Memberships in rooms of each kind. */
  readonly memberCounts: Record<RoomKind, number>;

  constructor(
    events: RoomEvents,
    listener: MembershipListener = NO_LISTENER,
    internal = new InternalRooms(() => {}),
    userConnections = new UserConnections(),
  ) {
    this.userConnections = userConnections;
    this.#events = events;
    this.#internal = internal;
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

  /** Committed entries, from any source: each goes to its room, or to the watcher of its internal room. */
  readonly ingest = (entries: readonly LogEntry[]): void => {
    for (const entry of this.#internal.deliver(entries))
      (this.#rooms.get(entry.room) ?? this.#openOwnRoom(entry.room))?.ingest(entry);
  };

  /** Whether `ingest` would have this entry published to a member, now or in its order. */
  readonly isAwaiting = (name: string, seq: number): boolean =>
    this.#rooms.get(name)?.isAwaiting(seq) ?? this.#isOwn(name);

  /** Whether `ingest` would do anything with this entry. */
  readonly needs = (name: string, seq: number): boolean =>
    isInternal(name) || (this.#rooms.get(name)?.needs(seq) ?? this.#isOwn(name));

  readonly announce = (name: string, seq: number): void => {
    (this.#rooms.get(name) ?? this.#openOwnRoom(name))?.announce(seq);
  };

  /** A person's own room is created with its first entry, so that ten thousand idle people cost nothing. */
  #openOwnRoom(name: string): Room | undefined {
    return this.#isOwn(name) ? this.open(name) : undefined;
  }

  /** The own room of a person who is connected to this node. */
  #isOwn(name: string): boolean {
    return roomKind(name) === "user" && this.userConnections.get(roomId(name)).length > 0;
  }

  /** From now on the connection is live in the room: it gets what is published next, and nothing that was published before. */
  join(connection: Connection, room: Room): void {
    if (connection.socket === null || connection.isIn(room)) return;
    if (!connection.countsAsMember(room)) return;
    connection.addRoom(room);
    room.members++;
    this.memberCounts[roomKind(room.name)]++;
    connection.socket.subscribe(room.name);
    this.#listener.joined(connection, room);
  }

  /** Removes the connection from the room, also when its join is pending. */
  leave(connection: Connection, room: Room): void {
    for (const join of room.pendingJoins ?? []) if (join.connection === connection) join.refuse("left");
    if (!connection.isIn(room)) return;
    connection.socket?.unsubscribe(room.name);
    connection.removeRoom(room);
    this.#decrementMembers(room);
    this.#listener.left(connection, room);
  }

  /** Removes the connection from all rooms, after its socket and subscriptions are gone. */
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

  /** Deletes a room at once that is empty and has no position: no one ever joined, or nothing was ever published. */
  evictIfEmpty(room: Room): void {
    if (room.isPositioned || room.members > 0 || room.pendingJoins !== null) return;
    // Something came for a person while a join of theirs failed to read the position.
    if (room.hasGap) this.#events.onGap(room);
    else if (this.#rooms.get(room.name) === room) this.#rooms.delete(room.name);
  }

  /** Every ROOM_IDLE_MS: deletes rooms that are empty for that long, and the history of those that are idle. */
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
   * A person's own room keeps its position while they are connected: without it a late entry would be taken for its first one,
   * and published again. A room with a gap is being read, and must not exist twice.
   */
  #isNeeded(room: Room): boolean {
    if (room.members > 0 || room.pendingJoins !== null || room.hasGap) return true;
    return room.isPersonal && this.userConnections.get(roomId(room.name)).length > 0;
  }

  clear(): void {
    this.#rooms.clear();
  }
}

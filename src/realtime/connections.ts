import type { UserCaller } from "../platform/caller.ts";
import type { Connection } from "./connection.ts";
import type { HubCounts, Socket } from "./doors.ts";
import type { Rooms } from "./rooms.ts";

/** The open connections of this node, and who they are. */
export class Connections {
  readonly #open: Connection[] = [];
  readonly #rooms: Rooms;
  #authenticated = 0;
  /** Connections of people: each is in its `user:<id>`. */
  #withOwnRoom = 0;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  /** In no order; always the same list. Closing one while walking it moves the last one to its place. */
  get open(): readonly Connection[] {
    return this.#open;
  }

  find(id: number): Connection | undefined {
    return this.#open.find((connection) => connection.id === id);
  }

  add(connection: Connection, socket: Socket): void {
    connection.socket = socket;
    connection.place = this.#open.push(connection) - 1;
    this.identified(connection);
  }

  /** Counts an open connection whose caller has just become known. */
  identified(connection: Connection): void {
    const { caller, socket } = connection;
    if (caller.kind === "anonymous" || socket === null) return;
    this.#authenticated++;
    if (caller.kind === "service") return;
    this.#withOwnRoom++;
    this.#rooms.people.add(caller.userId, connection);
  }

  remove(connection: Connection): void {
    connection.socket = null;
    const last = this.#open.pop()!;
    if (last !== connection) {
      this.#open[connection.place] = last;
      last.place = connection.place;
    }
    const { caller } = connection;
    if (caller.kind !== "anonymous") this.#authenticated--;
    if (caller.kind !== "user") return;
    this.#withOwnRoom--;
    this.#rooms.people.remove(caller.userId, connection);
  }

  counts(): HubCounts {
    const connections = this.#open.length;
    const authenticated = this.#authenticated;
    const { places } = this.#rooms;
    return {
      connections,
      authenticated,
      anonymous: connections - authenticated,
      rooms: { ...places, all: connections, user: places.user + this.#withOwnRoom },
    };
  }

  /** A caller for each connection of a person. */
  callers(): UserCaller[] {
    return this.#open.map(({ caller }) => caller).filter((caller) => caller.kind === "user");
  }

  /** A person has another name or role. */
  updateUser(userId: string, { username, role }: Pick<UserCaller, "username" | "role">): void {
    for (const connection of this.#rooms.people.of(userId)) {
      const { caller } = connection;
      if (caller.kind === "user") connection.caller = { ...caller, username, role };
    }
  }

  /** A service's token ends at this time, in Unix ms, if it did not end before. The heartbeat closes what is over. */
  endService(tokenId: string, at: number): void {
    for (const connection of this.#open) {
      const { caller } = connection;
      if (caller.kind !== "service" || caller.tokenId !== tokenId) continue;
      connection.caller = { ...caller, expiresAt: Math.min(at, caller.expiresAt ?? at) };
    }
  }
}

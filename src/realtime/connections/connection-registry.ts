import type { UserCaller } from "../../platform/caller.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";
import type { HubCounts, Socket } from "../transport.ts";
import type { Connection } from "./connection.ts";

/** The open connections of this node, and their callers. */
export class ConnectionRegistry {
  readonly #open: Connection[] = [];
  readonly #rooms: RoomRegistry;
  #authenticated = 0;
  /** Connections of people: each is in its `user:<id>`. */
  #withOwnRoom = 0;

  constructor(rooms: RoomRegistry) {
    this.#rooms = rooms;
  }

  /** In no order; always the same list. Closing one during a loop moves the last one to its index. */
  get open(): readonly Connection[] {
    return this.#open;
  }

  find(id: number): Connection | undefined {
    return this.#open.find((connection) => connection.id === id);
  }

  add(connection: Connection, socket: Socket): void {
    connection.socket = socket;
    connection.index = this.#open.push(connection) - 1;
    this.countIdentified(connection);
  }

  /** Counts an open connection whose caller has just become known. */
  countIdentified(connection: Connection): void {
    const { caller, socket } = connection;
    if (caller.kind === "anonymous" || socket === null) return;
    this.#authenticated++;
    if (caller.kind === "service") return;
    this.#withOwnRoom++;
    this.#rooms.userConnections.add(caller.userId, connection);
  }

  remove(connection: Connection): void {
    connection.socket = null;
    const last = this.#open.pop()!;
    if (last !== connection) {
      this.#open[connection.index] = last;
      last.index = connection.index;
    }
    const { caller } = connection;
    if (caller.kind !== "anonymous") this.#authenticated--;
    if (caller.kind !== "user") return;
    this.#withOwnRoom--;
    this.#rooms.userConnections.remove(caller.userId, connection);
  }

  readonly counts = (): HubCounts => {
    const connections = this.#open.length;
    const authenticated = this.#authenticated;
    const { memberCounts } = this.#rooms;
    return {
      connections,
      authenticated,
      anonymous: connections - authenticated,
      rooms: { ...memberCounts, all: connections, user: memberCounts.user + this.#withOwnRoom },
    };
  };

  /** A caller for each connection of a person. */
  getCallers(): UserCaller[] {
    return this.#open.map(({ caller }) => caller).filter((caller) => caller.kind === "user");
  }

  /** A person has another name or role. */
  updateUser(userId: string, { username, role }: Pick<UserCaller, "username" | "role">): void {
    for (const connection of this.#rooms.userConnections.get(userId)) {
      const { caller } = connection;
      if (caller.kind === "user") connection.caller = { ...caller, username, role };
    }
  }

  /** A service's token ends at this time, in Unix ms, if it did not end before. The connection checker closes expired ones. */
  endService(tokenId: string, at: number): void {
    for (const connection of this.#open) {
      const { caller } = connection;
      if (caller.kind !== "service" || caller.tokenId !== tokenId) continue;
      connection.caller = { ...caller, expiresAt: Math.min(at, caller.expiresAt ?? at) };
    }
  }
}

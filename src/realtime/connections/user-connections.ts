import type { Connection } from "./connection.ts";

/** The open connections by person. Most people have one connection, which needs no list. */
export class UserConnections {
  readonly #connections = new Map<string, Connection | Connection[]>();

  get(userId: string): readonly Connection[] {
    const found = this.#connections.get(userId);
    if (found === undefined) return NO_CONNECTIONS;
    return Array.isArray(found) ? found : [found];
  }

  add(userId: string, connection: Connection): void {
    const before = this.#connections.get(userId);
    if (before === undefined) this.#connections.set(userId, connection);
    else if (Array.isArray(before)) before.push(connection);
    else this.#connections.set(userId, [before, connection]);
  }

  /** Makes a new list, since a loop that closes connections may be using the old one. */
  remove(userId: string, connection: Connection): void {
    const others = this.get(userId).filter((other) => other !== connection);
    if (others.length === 0) this.#connections.delete(userId);
    else this.#connections.set(userId, others.length === 1 ? others[0]! : others);
  }
}

const NO_CONNECTIONS: readonly Connection[] = [];

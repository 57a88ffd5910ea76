import type { Connection } from "./connection.ts";

/** Who is here, by person. Most people have one connection, and then it costs no list. */
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

  /** Makes a new list, since the old one may be walked by what closes connections. */
  remove(userId: string, connection: Connection): void {
    const rest = this.get(userId).filter((other) => other !== connection);
    if (rest.length === 0) this.#connections.delete(userId);
    else this.#connections.set(userId, rest.length === 1 ? rest[0]! : rest);
  }
}

const NO_CONNECTIONS: readonly Connection[] = [];

/**
 * Where the nodes of a cluster store who is in which room now. It may lose everything at any time (a flush, a crash of its server):
 * each node knows its own people and writes them again. Every method rejects while the server is away.
 */
export interface PresenceStore {
  readonly kind: "memory" | "redis" | "postgres";
  /**
   * Adds and removes people of this node, and renews the node's lease by `ttl` ms. Each room and person comes once.
   *
   * @returns false when the node's lease had ended, or the store may have lost a part of its rows: compare `readOwn()`
   */
  write(changes: readonly PresenceChange[], ttl: number): Promise<boolean>;
  /** What is stored for this node. */
  readOwn(): Promise<PresenceKey[]>;
  /** Removes a part of what dead nodes have left. True: there is more. */
  sweep(): Promise<boolean>;
  /**
   * Who is in rooms, over all nodes.
   *
   * @param known rooms, each with the version that was read last; null: none
   * @param max maximum length of a list
   * @returns only the rooms of another version
   */
  read(known: ReadonlyMap<string, string | null>, max: number): Promise<Map<string, RoomPresence>>;
}

/** A person in a room, on this node. */
export interface PresenceKey {
  room: string;
  userId: string;
}

export interface PresenceChange extends PresenceKey {
  /** The person's name; null: they have left. */
  username: string | null;
}

export interface RoomPresence {
  /** A new one whenever a person may have joined or left; no value is used twice. */
  version: string;
  /** People, each counted once for all connections and nodes. */
  count: number;
  /** Names by id; null: more than `max`. */
  members: ReadonlyMap<string, string> | null;
}

/** The version of an empty room. */
export const EMPTY_VERSION = "";

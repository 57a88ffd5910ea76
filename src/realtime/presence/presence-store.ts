/**
 * Where the nodes of a cluster keep who is in which room now. It may lose everything at any time (a flush, a crash of its server):
 * each node knows its own people and puts them back. Every method rejects while the server is away.
 */
export interface PresenceStore {
  readonly kind: "memory" | "redis" | "postgres";
  /**
   * Enters and takes away people of this node, and says that the node lives for `life` ms more. Each place is named once.
   *
   * @returns false when the store did not hold this node for alive, or may have lost something of it: compare `own()`
   */
  write(changes: readonly PresenceChange[], ttl: number): Promise<boolean>;
  /** What the store holds of this node. */
  readOwn(): Promise<PresenceKey[]>;
  /** Takes away a part of what dead nodes have left. True: there is more. */
  sweep(): Promise<boolean>;
  /**
   * Who is in rooms, over all nodes.
   *
   * @param known rooms, each with the version that was read last; null: none
   * @param max people of one list
   * @returns only the rooms of another version
   */
  read(known: ReadonlyMap<string, string | null>, max: number): Promise<Map<string, RoomPresence>>;
}

/** A person's place in a room, on this node. */
export interface PresenceKey {
  room: string;
  userId: string;
}

export interface PresenceChange extends PresenceKey {
  /** Under which name the person is here; null: they are gone. */
  username: string | null;
}

export interface RoomPresence {
  /** Another one whenever somebody may have come or gone; it never comes again. */
  version: string;
  /** People, each once however many connections and nodes they are on. */
  count: number;
  /** Names by id; null: more than were asked for. */
  people: ReadonlyMap<string, string> | null;
}

/** The version of a room in which nobody is. */
export const EMPTY_VERSION = "";

import type { Code } from "../../../protocol/codes.ts";
import type { Connection } from "../connections/connection.ts";
import type { Room } from "../rooms/room.ts";

/**
 * A connection on its way into a room. It is registered with the room before the rights are asked, so that whoever takes
 * the person out meanwhile finds it; and as long as it is, the room forgets no frame.
 */
export class PendingJoin {
  readonly connection: Connection;
  readonly room: Room;
  /** The last seq the client has; null: it has none, or of another epoch. */
  readonly since: number | null;
  /** Whether the client wants to see who is in the room. */
  readonly wantsPresence: boolean;
  /** The last seq that `frames` bring; what comes after is to be had from the room. */
  from: number;
  frames: string[] = [];
  /** The log cannot give exactly what is missing: live from the head, and the client loads the state anew. */
  needsReset: boolean;
  isAnswered = false;
  /** The rights are to be asked: at first, and again whenever somebody says meanwhile that the person was taken out. */
  needsAuthorization = true;
  /** Why it ends without going live; `gone`: the client left, came again, or hung up, and needs no word. */
  refusal: Code | "gone" | null = null;

  constructor(connection: Connection, room: Room, since: number | null, presence = false) {
    this.connection = connection;
    this.room = room;
    this.since = since;
    this.wantsPresence = presence;
    this.from = since ?? 0;
    this.needsReset = since === null;
    room.pendingJoins ??= new Set();
    room.pendingJoins.add(this);
    connection.pendingJoins ??= new Set();
    connection.pendingJoins.add(this);
  }

  /** True when what is missing is at hand: then answer and go live without an await in between. */
  get canGoLive(): boolean {
    return this.needsReset ? this.room.isPositioned : this.room.framesAfter(this.from) !== null;
  }

  /** It will be in the room, behind a backlog that is still on its way: its place is taken. */
  get countsAsMember(): boolean {
    return this.isAnswered && this.refusal === null && this.connection.countsAsMember(this.room);
  }

  end(): void {
    const { pendingJoins: roomJoins } = this.room;
    roomJoins?.delete(this);
    if (roomJoins?.size === 0) this.room.pendingJoins = null;
    const { pendingJoins: connectionJoins } = this.connection;
    connectionJoins?.delete(this);
    if (connectionJoins?.size === 0) this.connection.pendingJoins = null;
  }
}

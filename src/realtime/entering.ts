import type { Code } from "../../protocol/codes.ts";
import type { Connection } from "./connection.ts";
import type { Room } from "./room.ts";

/**
 * A connection on its way into a room. It is registered with the room before the rights are asked, so that whoever takes
 * the person out meanwhile finds it; and as long as it is, the room forgets no frame.
 */
export class Entering {
  readonly connection: Connection;
  readonly room: Room;
  /** The last seq the client has; null: it has none, or of another epoch. */
  readonly since: number | null;
  /** Whether the client wants to see who is in the room. */
  readonly presence: boolean;
  /** The last seq that `frames` bring; what comes after is to be had from the room. */
  from: number;
  frames: string[] = [];
  /** The log cannot give exactly what is missing: live from the head, and the client loads the state anew. */
  reset: boolean;
  answered = false;
  /** The rights are to be asked: at first, and again whenever somebody says meanwhile that the person was taken out. */
  doubtful = true;
  /** Why it ends without going live; `gone`: the client left, came again, or hung up, and needs no word. */
  refused: Code | "gone" | null = null;

  constructor(connection: Connection, room: Room, since: number | null, presence = false) {
    this.connection = connection;
    this.room = room;
    this.since = since;
    this.presence = presence;
    this.from = since ?? 0;
    this.reset = since === null;
    room.entering ??= new Set();
    room.entering.add(this);
    connection.arriving ??= new Set();
    connection.arriving.add(this);
  }

  /** True when what is missing is at hand: then answer and go live without an await in between. */
  get meets(): boolean {
    return this.reset ? this.room.known : this.room.framesAfter(this.from) !== null;
  }

  /** It will be in the room, behind a backlog that is still on its way: its place is taken. */
  get holdsPlace(): boolean {
    return this.answered && this.refused === null && this.connection.takesPlace(this.room);
  }

  end(): void {
    const { entering } = this.room;
    entering?.delete(this);
    if (entering?.size === 0) this.room.entering = null;
    const { arriving } = this.connection;
    arriving?.delete(this);
    if (arriving?.size === 0) this.connection.arriving = null;
  }
}

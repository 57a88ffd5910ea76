import type { Code } from "../../../protocol/codes.ts";
import type { Connection } from "../connections/connection.ts";
import type { Room } from "../rooms/room.ts";

type JoinState =
  /** The rights have to be checked: at first, and again when the person may have been removed meanwhile. */
  | { kind: "unauthorized" }
  /** The rights are checked, or being checked; what was missed is read from the log. */
  | { kind: "authorized" }
  /** The reply is sent; the backlog follows, then live frames. */
  | { kind: "replaying" }
  /** It ends without going live; `left`: the client left, joined again or disconnected, and gets no `room:left`. */
  | { kind: "refused"; code: Code | "left" };

const UNAUTHORIZED: JoinState = { kind: "unauthorized" };
const AUTHORIZED: JoinState = { kind: "authorized" };
const REPLAYING: JoinState = { kind: "replaying" };

/**
 * A join of a room that is under way. It is registered with the room before the rights are checked, so that an expulsion meanwhile
 * finds it; and until it ends, the room keeps its history.
 */
export class PendingJoin {
  readonly connection: Connection;
  readonly room: Room;
  /** The last seq the client has; null: none, or one of another epoch. */
  readonly since: number | null;
  /** Whether the client wants to see who is in the room. */
  readonly wantsPresence: boolean;
  /** The last seq of `frames`; later ones come from the room. */
  from: number;
  frames: string[] = [];
  /** The log cannot give exactly what is missing: live from the head, and the client reloads the state. */
  needsReset: boolean;
  #state: JoinState = UNAUTHORIZED;

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

  get state(): JoinState {
    return this.#state;
  }

  get isRefused(): boolean {
    return this.#state.kind === "refused";
  }

  get isReplaying(): boolean {
    return this.#state.kind === "replaying";
  }

  /** The rights are about to be checked. */
  startAuthorization(): void {
    if (this.#state.kind === "unauthorized") this.#state = AUTHORIZED;
  }

  /** The rights may have changed: they are checked again before the reply. */
  requireAuthorization(): void {
    if (this.#state.kind === "authorized") this.#state = UNAUTHORIZED;
  }

  startReplay(): void {
    if (this.#state.kind === "authorized") this.#state = REPLAYING;
  }

  /** The first refusal counts. */
  refuse(code: Code | "left"): void {
    if (this.#state.kind !== "refused") this.#state = { kind: "refused", code };
  }

  /** True when nothing has to be read: then reply and go live without an await in between. */
  get canGoLive(): boolean {
    return this.needsReset ? this.room.isPositioned : this.room.framesAfter(this.from) !== null;
  }

  /** Whether it counts as a room of its connection already, while its backlog is being sent. */
  get countsAsMember(): boolean {
    return this.isReplaying && this.connection.countsAsMember(this.room);
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

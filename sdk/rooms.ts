import type { Code } from "../protocol/codes.ts";
import type { CommandId } from "../protocol/frames.ts";
import type { Position } from "../protocol/objects.ts";
import type { Commands } from "./commands.ts";
import type { Environment } from "./environment.ts";
import { parseFrameCode, type UsherError } from "./errors.ts";
import { callSafely } from "./events.ts";
import { Follower, type RoomFrame, type RoomHandlers } from "./follower.ts";
import { applyPresenceFrame, type PresenceFrame } from "./presence.ts";
import { isPresenceCurrent, newRoom, oldestPosition, presenceOption, type Room, setPending } from "./room.ts";

type JoinResult = Position & { recovered: boolean; code?: string | undefined };

/** Maximum number of rooms in one `system:resume`, so that the frame stays below the 64 KiB that a server accepts. */
const MAX_ROOMS_PER_RESUME = 400;
/** Error codes of a room that are temporary. */
const RETRYABLE: ReadonlySet<Code> = new Set<Code>(["unavailable", "internal", "rate_limited"]);
/** ms until a room is requested again after a temporary error; plus a random part. */
const RETRY_MS = 1_000;

/**
 * The rooms that this client follows. Seqs in a room have no gaps, so every frame is compared with the one before it: what
 * was seen is skipped, and after a gap the client resumes the room from the last position before it.
 */
export class Rooms {
  readonly #environment: Environment;
  readonly #commands: Commands;
  readonly #onResumed: () => void;
  readonly #rooms = new Map<string, Room>();
  readonly #pending = new Set<Room>();
  #connected = false;
  #flushScheduled = false;

  /** `onResumed` is called when every requested room has a reply. */
  constructor(environment: Environment, commands: Commands, onResumed: () => void) {
    this.#environment = environment;
    this.#commands = commands;
    this.#onResumed = onResumed;
  }

  /** Adds a follower after `position` (null: what is new from now on). Returns the function that removes it. */
  follow(name: string, position: Position | null, handlers: RoomHandlers): () => void {
    const follower = new Follower(position, handlers);
    let room = this.#rooms.get(name);
    if (!room) {
      room = newRoom(name, position);
      this.#rooms.set(name, room);
    }
    room.followers.add(follower);
    if (position && room.status !== "live") room.epoch = position.epoch;
    if (room.status !== "live") this.#scheduleFlush(room);
    else {
      if (!position) follower.position = { seq: room.lastSeq, epoch: room.epoch };
      if (!isPresenceCurrent(room)) this.#rejoin(room);
      else {
        if (position) this.#catchUp(room, follower);
        this.#notifyPresence(room, follower);
      }
    }
    return () => {
      if (room.followers.delete(follower) && (room.followers.size === 0 || !isPresenceCurrent(room)))
        this.#scheduleFlush(room);
    };
  }

  /** There is a connection: every room is resumed on it. */
  connected(): void {
    this.#connected = true;
    for (const room of this.#rooms.values()) this.#pending.add(room);
    this.#flush();
  }

  /** The connection is lost; positions stay. */
  disconnected(): void {
    this.#connected = false;
    for (const room of this.#rooms.values()) {
      room.status = "left";
      room.commandId = null;
    }
  }

  /** A frame of a room's log. */
  deliver(frame: RoomFrame): void {
    const room = this.#rooms.get(frame.room);
    if (room?.status !== "live") return;
    room.lastSeq = Math.max(room.lastSeq, frame.seq);
    let isGapless = true;
    for (const follower of [...room.followers]) isGapless = follower.ingest(frame) && isGapless;
    if (!isGapless) this.#rejoin(room);
  }

  /** Who is in a room, joined or left. */
  applyPresence(frame: PresenceFrame): void {
    const room = this.#rooms.get(frame.payload.room);
    if (room?.status !== "live") return;
    const [now, change] = applyPresenceFrame(room.presence, frame);
    room.presence = now;
    for (const { handlers } of [...room.followers]) callSafely(() => handlers.presence?.(now, change));
  }

  /**
   * The server has removed this connection from a room, permanently or because of a temporary error.
   * While the room is requested again, the frame is outdated: the reply decides.
   */
  left(name: string, code: string | undefined): void {
    const room = this.#rooms.get(name);
    if (room?.status === "live") this.#handleRefusal(room, code === undefined ? null : parseFrameCode(code));
  }

  /** The server restarted a room by itself: this client received its backlog so slowly that the log no longer has it. */
  restarted(name: string, result: JoinResult): void {
    const room = this.#rooms.get(name);
    if (room?.status === "live") this.#startLive(room, result, null);
  }

  /** For a follower that is added to a room with known presence. */
  #notifyPresence(room: Room, follower: Follower): void {
    queueMicrotask(() => {
      const { presence } = room;
      if (presence !== null && room.followers.has(follower))
        callSafely(() => follower.handlers.presence?.(presence, null));
    });
  }

  #scheduleFlush(room: Room): void {
    this.#pending.add(room);
    if (!this.#connected || this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      if (this.#connected) this.#flush();
    });
  }

  /** Requests the room again; frames until the reply are ignored, as they come again. */
  #rejoin(room: Room): void {
    room.status = "pending";
    room.commandId = null;
    this.#scheduleFlush(room);
  }

  /** Sends the changes of the wanted rooms to the server, in as few frames as possible. */
  #flush(): void {
    const known = new Map<Room, Position>();
    for (const room of this.#pending) {
      if (room.followers.size === 0) this.#leave(room);
      // The follower was added again, or another one wants the same.
      else if (room.status === "live" && isPresenceCurrent(room)) continue;
      else {
        const since = oldestPosition(room);
        if (since) known.set(room, since);
        else this.#join(room);
      }
    }
    this.#pending.clear();
    const all = [...known];
    for (let from = 0; from < all.length; from += MAX_ROOMS_PER_RESUME)
      this.#resume(all.slice(from, from + MAX_ROOMS_PER_RESUME));
    this.#reportResumed();
  }

  #join(room: Room): void {
    const commandId = this.#commands.send(
      "room:join",
      { room: room.name, ...presenceOption(room) },
      (frame) => {
        if (frame.type === "room:joined") this.#handleResult(room, commandId, frame.payload, null);
        this.#reportResumed();
      },
      (error) => this.#handleError([room], commandId, error),
    );
    setPending(room, commandId);
  }

  #resume(slice: [Room, Position][]): void {
    const rooms = Object.fromEntries(slice.map(([room, since]) => [room.name, { ...since, ...presenceOption(room) }]));
    const commandId = this.#commands.send(
      "system:resume",
      { rooms },
      (frame) => {
        if (frame.type !== "system:resumed") return;
        for (const [room, since] of slice) {
          const result = frame.payload.rooms[room.name];
          if (result) this.#handleResult(room, commandId, result, since);
        }
        this.#reportResumed();
      },
      (error) =>
        this.#handleError(
          slice.map(([room]) => room),
          commandId,
          error,
        ),
    );
    for (const [room] of slice) setPending(room, commandId);
  }

  #leave(room: Room): void {
    this.#rooms.delete(room.name);
    // The person's own room is joined by the server and never left.
    if (room.status === "left" || room.name.startsWith("user:")) return;
    this.#commands.send("room:leave", { room: room.name }, ignore, ignore);
  }

  /** `since`: the requested position; null when only new entries were requested. */
  #handleResult(room: Room, commandId: CommandId | null, result: JoinResult, since: Position | null): void {
    if (commandId === null || room.commandId !== commandId) return;
    if (result.code !== undefined) {
      this.#handleRefusal(room, parseFrameCode(result.code));
      return;
    }
    this.#startLive(room, result, since);
  }

  #startLive(room: Room, result: JoinResult, since: Position | null): void {
    const head = { seq: result.seq, epoch: result.epoch };
    room.status = "live";
    room.epoch = head.epoch;
    room.lastSeq = result.recovered && since ? since.seq : head.seq;
    for (const follower of [...room.followers]) {
      follower.restart();
      if (follower.isResetting) continue;
      if (!follower.position) follower.position = head;
      else if (!result.recovered || follower.position.epoch !== head.epoch) this.#reset(room, follower, head);
    }
  }

  #reset(room: Room, follower: Follower, head: Position): void {
    follower.reset(head).then(
      () => this.#catchUp(room, follower),
      () => {
        const delay = RETRY_MS * (1 + 4 * this.#environment.random());
        this.#environment.setTimer(() => {
          if (room.followers.has(follower)) this.#reset(room, follower, head);
        }, delay);
      },
    );
  }

  /** For a follower with its own position: requests the entries it has missed. */
  #catchUp(room: Room, follower: Follower): void {
    if (room.status !== "live" || !room.followers.has(follower) || !follower.position || follower.isResetting) return;
    const { seq, epoch } = follower.position;
    if (epoch === room.epoch && seq >= room.lastSeq) return;
    room.epoch = epoch;
    this.#rejoin(room);
  }

  #handleError(rooms: Room[], commandId: CommandId | null, error: UsherError): void {
    const waiting = rooms.filter((room) => room.commandId === commandId);
    if (error.code === "disconnected") return;
    if (!error.retry) {
      for (const room of waiting) this.#close(room, error.code as Code);
      this.#reportResumed();
      return;
    }
    for (const room of waiting) this.#retryLater(room);
  }

  #handleRefusal(room: Room, code: Code | null): void {
    if (code !== null && RETRYABLE.has(code)) this.#retryLater(room);
    else this.#close(room, code);
  }

  #retryLater(room: Room): void {
    const { commandId } = room;
    room.status = "pending";
    this.#environment.setTimer(
      () => {
        if (room.status === "pending" && room.commandId === commandId) this.#scheduleFlush(room);
      },
      RETRY_MS * (1 + this.#environment.random()),
    );
  }

  #close(room: Room, code: Code | null): void {
    if (this.#rooms.get(room.name) === room) this.#rooms.delete(room.name);
    this.#pending.delete(room);
    room.status = "left";
    const followers = [...room.followers];
    room.followers.clear();
    for (const { handlers } of followers) callSafely(() => handlers.left?.(code));
  }

  #reportResumed(): void {
    if (!this.#connected || this.#pending.size > 0) return;
    for (const room of this.#rooms.values()) if (room.status === "pending") return;
    this.#onResumed();
  }
}

function ignore(): void {}

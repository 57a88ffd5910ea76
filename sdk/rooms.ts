import type { Code } from "../protocol/codes.ts";
import type { CommandId } from "../protocol/frames.ts";
import type { Position } from "../protocol/objects.ts";
import type { Commands } from "./commands.ts";
import type { Environment } from "./environment.ts";
import { codeOfFrame, type UsherError } from "./errors.ts";
import { isolated } from "./events.ts";
import { Follower, type RoomFrame, type RoomHandlers } from "./follower.ts";
import { type PresenceFrame, withPresenceFrame } from "./presence.ts";
import { asked, isWatchedRightly, newRoom, oldest, type Room, watching } from "./room.ts";

type Answer = Position & { recovered: boolean; code?: string | undefined };

/** Rooms named in one `system:resume`, so that the frame stays below the 64 KiB that a server takes. */
const RESUME_SLICE = 400;
/** Refusals of a room that may be over soon. */
const PASSING: ReadonlySet<Code> = new Set<Code>(["unavailable", "internal", "rate_limited"]);
/** ms until a room is asked for again that the server could not give just now; a random part more on top. */
const ASK_AGAIN = 1_000;

/**
 * The rooms that this client follows. Numbers in a room are dense, so every frame is checked against the one before it:
 * what was seen is skipped, and a hole makes the client ask for the room again from the last place without one.
 */
export class Rooms {
  readonly #environment: Environment;
  readonly #commands: Commands;
  readonly #settled: () => void;
  readonly #rooms = new Map<string, Room>();
  readonly #changed = new Set<Room>();
  #connected = false;
  #flushing = false;

  /** `settled` is called when every room that was asked for has been answered. */
  constructor(environment: Environment, commands: Commands, settled: () => void) {
    this.#environment = environment;
    this.#commands = commands;
    this.#settled = settled;
  }

  /** Adds a listener behind `position` (null: what is new from now on). Answers the function that takes it away. */
  follow(name: string, position: Position | null, handlers: RoomHandlers): () => void {
    const follower = new Follower(position, handlers);
    let room = this.#rooms.get(name);
    if (!room) {
      room = newRoom(name, position);
      this.#rooms.set(name, room);
    }
    room.followers.add(follower);
    if (position && room.status !== "live") room.epoch = position.epoch;
    if (room.status !== "live") this.#change(room);
    else {
      if (!position) follower.position = { seq: room.at, epoch: room.epoch };
      if (!isWatchedRightly(room)) this.#again(room);
      else {
        if (position) this.#settle(room, follower);
        this.#tellPresence(room, follower);
      }
    }
    return () => {
      if (room.followers.delete(follower) && (room.followers.size === 0 || !isWatchedRightly(room))) this.#change(room);
    };
  }

  /** A connection stands: every room is taken up again on it. */
  connected(): void {
    this.#connected = true;
    for (const room of this.#rooms.values()) this.#changed.add(room);
    this.#flush();
  }

  /** The connection is gone; positions stay. */
  disconnected(): void {
    this.#connected = false;
    for (const room of this.#rooms.values()) {
      room.status = "away";
      room.ask = null;
    }
  }

  /** A frame of a room's log. */
  deliver(frame: RoomFrame): void {
    const room = this.#rooms.get(frame.room);
    if (room?.status !== "live") return;
    room.at = Math.max(room.at, frame.seq);
    let whole = true;
    for (const follower of [...room.followers]) whole = follower.take(frame) && whole;
    if (!whole) this.#again(room);
  }

  /** Who is in a room, or came, or went. */
  present(frame: PresenceFrame): void {
    const room = this.#rooms.get(frame.payload.room);
    if (room?.status !== "live") return;
    const [now, change] = withPresenceFrame(room.presence, frame);
    room.presence = now;
    for (const { handlers } of [...room.followers]) isolated(() => handlers.presence?.(now, change));
  }

  /**
   * The server has taken this connection out of a room, for good or because of trouble that passes.
   * While the room is asked for, it is of the time before, and the answer will say what holds.
   */
  left(name: string, code: string | undefined): void {
    const room = this.#rooms.get(name);
    if (room?.status === "live") this.#refused(room, code === undefined ? null : codeOfFrame(code));
  }

  /** The server began a room anew by itself: this reader took its backlog so slowly that the log no longer has it. */
  restarted(name: string, answer: Answer): void {
    const room = this.#rooms.get(name);
    if (room?.status === "live") this.#begin(room, answer, null);
  }

  /** For a listener that comes to a room which is watched already. */
  #tellPresence(room: Room, follower: Follower): void {
    queueMicrotask(() => {
      const { presence } = room;
      if (presence !== null && room.followers.has(follower))
        isolated(() => follower.handlers.presence?.(presence, null));
    });
  }

  #change(room: Room): void {
    this.#changed.add(room);
    if (!this.#connected || this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (this.#connected) this.#flush();
    });
  }

  /** Asks for the room once more; frames until the answer are ignored, as they come again. */
  #again(room: Room): void {
    room.status = "asked";
    room.ask = null;
    this.#change(room);
  }

  /** Tells the server, in as few frames as may be, what changed in which rooms are wanted. */
  #flush(): void {
    const known = new Map<Room, Position>();
    for (const room of this.#changed) {
      if (room.followers.size === 0) this.#leave(room);
      // Whoever left came back, or somebody else wants the same.
      else if (room.status === "live" && isWatchedRightly(room)) continue;
      else {
        const since = oldest(room);
        if (since) known.set(room, since);
        else this.#join(room);
      }
    }
    this.#changed.clear();
    const all = [...known];
    for (let from = 0; from < all.length; from += RESUME_SLICE) this.#resume(all.slice(from, from + RESUME_SLICE));
    this.#reportSettled();
  }

  #join(room: Room): void {
    const ask = this.#commands.send(
      "room:join",
      { room: room.name, ...watching(room) },
      (frame) => {
        if (frame.type === "room:joined") this.#answered(room, ask, frame.payload, null);
        this.#reportSettled();
      },
      (error) => this.#failed([room], ask, error),
    );
    asked(room, ask);
  }

  #resume(slice: [Room, Position][]): void {
    const rooms = Object.fromEntries(slice.map(([room, since]) => [room.name, { ...since, ...watching(room) }]));
    const ask = this.#commands.send(
      "system:resume",
      { rooms },
      (frame) => {
        if (frame.type !== "system:resumed") return;
        for (const [room, since] of slice) {
          const answer = frame.payload.rooms[room.name];
          if (answer) this.#answered(room, ask, answer, since);
        }
        this.#reportSettled();
      },
      (error) =>
        this.#failed(
          slice.map(([room]) => room),
          ask,
          error,
        ),
    );
    for (const [room] of slice) asked(room, ask);
  }

  #leave(room: Room): void {
    this.#rooms.delete(room.name);
    // The own room is joined by the server and never left.
    if (room.status === "away" || room.name.startsWith("user:")) return;
    this.#commands.send("room:leave", { room: room.name }, ignore, ignore);
  }

  /** `since`: what was asked for; null when only new entries were. */
  #answered(room: Room, ask: CommandId | null, answer: Answer, since: Position | null): void {
    if (ask === null || room.ask !== ask) return;
    if (answer.code !== undefined) {
      this.#refused(room, codeOfFrame(answer.code));
      return;
    }
    this.#begin(room, answer, since);
  }

  #begin(room: Room, answer: Answer, since: Position | null): void {
    const head = { seq: answer.seq, epoch: answer.epoch };
    room.status = "live";
    room.epoch = head.epoch;
    room.at = answer.recovered && since ? since.seq : head.seq;
    for (const follower of [...room.followers]) {
      follower.restart();
      if (follower.resetting) continue;
      if (!follower.position) follower.position = head;
      else if (!answer.recovered || follower.position.epoch !== head.epoch) this.#reset(room, follower, head);
    }
  }

  #reset(room: Room, follower: Follower, head: Position): void {
    follower.reset(head).then(
      () => this.#settle(room, follower),
      () => {
        const delay = ASK_AGAIN * (1 + 4 * this.#environment.random());
        this.#environment.setTimer(() => {
          if (room.followers.has(follower)) this.#reset(room, follower, head);
        }, delay);
      },
    );
  }

  /** A listener that has a position of its own: what flowed past it before must be asked for. */
  #settle(room: Room, follower: Follower): void {
    if (room.status !== "live" || !room.followers.has(follower) || !follower.position || follower.resetting) return;
    const { seq, epoch } = follower.position;
    if (epoch === room.epoch && seq >= room.at) return;
    room.epoch = epoch;
    this.#again(room);
  }

  #failed(rooms: Room[], ask: CommandId | null, error: UsherError): void {
    const waiting = rooms.filter((room) => room.ask === ask);
    if (error.code === "disconnected") return;
    if (!error.retry) {
      for (const room of waiting) this.#close(room, error.code as Code);
      this.#reportSettled();
      return;
    }
    for (const room of waiting) this.#later(room);
  }

  #refused(room: Room, code: Code | null): void {
    if (code !== null && PASSING.has(code)) this.#later(room);
    else this.#close(room, code);
  }

  #later(room: Room): void {
    const { ask } = room;
    room.status = "asked";
    this.#environment.setTimer(
      () => {
        if (room.status === "asked" && room.ask === ask) this.#change(room);
      },
      ASK_AGAIN * (1 + this.#environment.random()),
    );
  }

  #close(room: Room, code: Code | null): void {
    if (this.#rooms.get(room.name) === room) this.#rooms.delete(room.name);
    this.#changed.delete(room);
    room.status = "away";
    const followers = [...room.followers];
    room.followers.clear();
    for (const { handlers } of followers) isolated(() => handlers.left?.(code));
  }

  #reportSettled(): void {
    if (!this.#connected || this.#changed.size > 0) return;
    for (const room of this.#rooms.values()) if (room.status === "asked") return;
    this.#settled();
  }
}

function ignore(): void {}

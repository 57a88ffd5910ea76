import type { Code } from "../protocol/codes.ts";
import type { FramePayload, FrameType } from "../protocol/frames.ts";
import type { NoticeType } from "../protocol/notices.ts";
import type { Position } from "../protocol/objects.ts";
import { callSafely } from "./events.ts";
import type { PresenceChange, RoomPresence } from "./presence.ts";

/** The frames of a room's log. A newer server may send further types: ignore those. */
export type RoomFrameType =
  | Extract<FrameType, `message:${string}` | `channel:${string}` | `member:${string}`>
  | Exclude<NoticeType, "booking:queue_position">;

export type RoomFrame = {
  [T in RoomFrameType]: { type: T; room: string; seq: number; payload: FramePayload<T> };
}[RoomFrameType];

/** The callbacks of a follower of a room. */
export interface RoomHandlers {
  /** Each entry of the room's log after the position: once, in order, without a gap. */
  frame(frame: RoomFrame): void;
  /**
   * The stream cannot continue from the position (disconnected for too long, or another epoch): load the snapshot again and
   * return the position it was read at. Frames that arrive meanwhile are buffered and follow it. Called again when it rejects.
   * Returning nothing means: continue with what is new now.
   */
  reset?(): Promise<Position | undefined>;
  /**
   * Who is in the room now: first all, then after each change. `change` is null for a whole list. After a lost connection the last
   * state is valid until the server sends it again. Only rooms with members (channels) have presence.
   */
  presence?(now: RoomPresence, change: PresenceChange | null): void;
  /** The person has no access to the room any more (removed, deleted, not allowed). No more frames follow. */
  left?(code: Code | null): void;
}

/** Maximum number of frames buffered during one reset; when more arrive, the room is resumed from the snapshot's position instead. */
const MAX_BUFFERED = 1_000;

/** One follower of a room, with its own position in the log: several parts of a page may have read it at different times. */
export class Follower {
  readonly handlers: RoomHandlers;
  /** Null: it has seen nothing yet and wants new entries only. */
  position: Position | null;
  /** Frames buffered during a reset; null when none is running. */
  #buffered: RoomFrame[] | null = null;

  constructor(position: Position | null, handlers: RoomHandlers) {
    this.position = position;
    this.handlers = handlers;
  }

  get isResetting(): boolean {
    return this.#buffered !== null;
  }

  /** Delivers the next frame, or skips one that was delivered already. False: a frame is missing before this one. */
  ingest(frame: RoomFrame): boolean {
    if (this.#buffered) {
      if (this.#buffered.length < MAX_BUFFERED) this.#buffered.push(frame);
      return true;
    }
    const { position } = this;
    if (!position || frame.seq <= position.seq) return true;
    if (frame.seq !== position.seq + 1) return false;
    this.position = { seq: frame.seq, epoch: position.epoch };
    callSafely(() => this.handlers.frame(frame));
    return true;
  }

  /** The room was requested again: the frames buffered so far come again. */
  restart(): void {
    if (this.#buffered) this.#buffered = [];
  }

  /**
   * Loads the snapshot again; frames are buffered until its position is known. `head`: where the stream continues, for a follower
   * without a snapshot. Rejects when the follower's reset does: then frames are still buffered, and it must be called again.
   */
  async reset(head: Position): Promise<void> {
    this.#buffered ??= [];
    this.position = (await this.handlers.reset?.()) ?? head;
    const buffered = this.#buffered;
    this.#buffered = null;
    for (const frame of buffered) if (!this.ingest(frame)) break;
  }
}

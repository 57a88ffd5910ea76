import type { Code } from "../protocol/codes.ts";
import type { FramePayload, FrameType } from "../protocol/frames.ts";
import type { NoticeType } from "../protocol/notices.ts";
import type { Position } from "../protocol/objects.ts";
import { callSafely } from "./events.ts";
import type { PresenceChange, RoomPresence } from "./presence.ts";

/** The frames that a room's log keeps. A newer server may send further types: leave those alone. */
export type RoomFrameType =
  | Extract<FrameType, `message:${string}` | `channel:${string}` | `member:${string}`>
  | Exclude<NoticeType, "booking:queue_position">;

export type RoomFrame = {
  [T in RoomFrameType]: { type: T; room: string; seq: number; payload: FramePayload<T> };
}[RoomFrameType];

/** What somebody who shows a room wants to hear. */
export interface RoomHandlers {
  /** Each entry of the room's log after the position: once, in order, without a hole. */
  frame(frame: RoomFrame): void;
  /**
   * The stream cannot go on from the position (away for too long, or another life of the log): load the snapshot again and
   * return the position it was read at. Frames that come meanwhile are kept and follow it. Called again when it rejects.
   * Returning nothing means: go on from what is new now.
   */
  reset?(): Promise<Position | undefined>;
  /**
   * Who is in the room now: at first, and after each change. `change` is null when all was told anew. After a broken link what
   * was told last stands until the server tells it again. Only rooms with members (channels) tell it.
   */
  presence?(now: RoomPresence, change: PresenceChange | null): void;
  /** The room is closed to this person (removed, deleted, not allowed). Nothing more comes. */
  left?(code: Code | null): void;
}

/** Most frames kept during one reset; when more come, the room is read again from the snapshot's position instead. */
const MAX_BUFFERED = 1_000;

/** One listener of a room, with its own place in the log: several parts of a page may have read it at different times. */
export class Follower {
  readonly handlers: RoomHandlers;
  /** Null: has seen nothing yet and wants what is new. */
  position: Position | null;
  /** Frames that wait for a running reset; null when there is none. */
  #buffered: RoomFrame[] | null = null;

  constructor(position: Position | null, handlers: RoomHandlers) {
    this.position = position;
    this.handlers = handlers;
  }

  get isResetting(): boolean {
    return this.#buffered !== null;
  }

  /** Takes the next frame, or skips one that it has seen. False: a frame is missing before this one. */
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

  /** The room was asked for anew: what was kept so far comes again. */
  restart(): void {
    if (this.#buffered) this.#buffered = [];
  }

  /**
   * Loads the snapshot again; frames are kept until its position stands. `head`: where the stream goes on, for a listener
   * that has no snapshot. Rejects when the listener's reset does: then frames are still kept, and it is to be called again.
   */
  async reset(head: Position): Promise<void> {
    this.#buffered ??= [];
    this.position = (await this.handlers.reset?.()) ?? head;
    const buffered = this.#buffered;
    this.#buffered = null;
    for (const frame of buffered) if (!this.ingest(frame)) break;
  }
}

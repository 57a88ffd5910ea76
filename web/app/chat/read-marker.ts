import type { Channel, Message } from "../../../protocol/objects.ts";
import { UsherError } from "../../../sdk/errors.ts";
import type { MessageWindow } from "./message-window.ts";

/** Calls back in `ms`, unless the function that it returns is called before. */
export type Schedule = (run: () => void, ms: number) => () => void;

const scheduleTimeout: Schedule = (run, ms) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** A position in a channel: the message, and its seq. */
export type ReadPosition = Pick<Message, "id" | "seq">;

/**
 * Tells the server how far a person has read: the first position at once, then at most one each `intervalMs`, and always the
 * last one. A position that could not be sent is sent again after the next interval.
 */
export class ReadMarker {
  readonly #send: (position: ReadPosition) => Promise<unknown>;
  readonly #intervalMs: number;
  readonly #schedule: Schedule;
  #read: ReadPosition | null = null;
  #sentSeq = 0;
  #acknowledgedSeq = 0;
  /** Set while no mark may be sent. */
  #cancelTimer: (() => void) | null = null;

  constructor(send: (position: ReadPosition) => Promise<unknown>, intervalMs: number, schedule = scheduleTimeout) {
    this.#send = send;
    this.#intervalMs = intervalMs;
    this.#schedule = schedule;
  }

  /** The channel was read up to here. Returns whether that is further than before. */
  read(position: ReadPosition): boolean {
    if (position.seq <= (this.#read?.seq ?? 0)) return false;
    this.#read = position;
    if (this.#cancelTimer === null) this.#sendLatest();
    return true;
  }

  /** Sends the pending mark now. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#sendLatest();
  }

  /** Sends the pending mark, and no more after that. */
  stop(): void {
    this.flush();
    this.#cancelTimer?.();
    this.#cancelTimer = () => {};
  }

  /** For a page that is being closed: sends in another way what was not acknowledged yet. */
  saveLast(send: (position: ReadPosition) => Promise<unknown>): void {
    const position = this.#read;
    // A closed page cannot try again.
    if (position !== null && position.seq > this.#acknowledgedSeq) send(position).catch(() => {});
  }

  #sendLatest(): void {
    const position = this.#read;
    if (position === null || position.seq <= this.#sentSeq) return;
    this.#sentSeq = position.seq;
    this.#startTimer();
    this.#send(position).then(
      () => {
        this.#acknowledgedSeq = Math.max(this.#acknowledgedSeq, position.seq);
      },
      (error) => {
        if (error instanceof UsherError && !error.retry) return;
        if (this.#sentSeq === position.seq) this.#sentSeq = this.#acknowledgedSeq;
        if (this.#cancelTimer === null) this.#startTimer();
      },
    );
  }

  #startTimer(): void {
    this.#cancelTimer = this.#schedule(() => {
      this.#cancelTimer = null;
      this.#sendLatest();
    }, this.#intervalMs);
  }
}

/**
 * How many messages of others are unread after `seq`, as far as a window on the channel has them; null: it does not have
 * them all, or the channel was read that far already.
 */
export function countUnreadAfter(
  window: MessageWindow,
  seq: number,
  { last_read_seq, unread }: Pick<Channel, "last_read_seq" | "unread">,
  me: string,
): number | null {
  if (last_read_seq >= seq) return null;
  const others = window.messages.filter(({ user_id, deleted_at }) => user_id !== me && deleted_at === null);
  if (!window.hasNewer) return Math.min(100, others.filter((message) => message.seq > seq).length);
  // A count ends at 100: how many more there are is not known. Nor is what is before the window.
  if (unread >= 100 || (window.messages[0]?.seq ?? 0) > last_read_seq + 1) return null;
  return Math.max(0, unread - others.filter((message) => message.seq > last_read_seq && message.seq <= seq).length);
}

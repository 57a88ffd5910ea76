import type { Channel, Message } from "../../../protocol/objects.ts";
import { UsherError } from "../../../sdk/errors.ts";
import type { MessageWindow } from "./message-window.ts";

/** Calls back in `ms`, unless the function that it returns is called before. */
export type Schedule = (run: () => void, ms: number) => () => void;

const scheduleTimeout: Schedule = (run, ms) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** A place in a channel: the message, and its seq. */
export type ReadPosition = Pick<Message, "id" | "seq">;

/**
 * Tells the server how far a person has read: the first place at once, then at most one each `everyMs`, and always the
 * last one. A place that could not be sent is sent again at the next turn.
 */
export class ReadMarker {
  readonly #send: (place: ReadPosition) => Promise<unknown>;
  readonly #intervalMs: number;
  readonly #schedule: Schedule;
  #read: ReadPosition | null = null;
  #sentSeq = 0;
  #acknowledgedSeq = 0;
  /** Set while no mark may be sent. */
  #cancelTimer: (() => void) | null = null;

  constructor(send: (place: ReadPosition) => Promise<unknown>, everyMs: number, later = scheduleTimeout) {
    this.#send = send;
    this.#intervalMs = everyMs;
    this.#schedule = later;
  }

  /** Up to here was read. Returns whether that is news. */
  read(place: ReadPosition): boolean {
    if (place.seq <= (this.#read?.seq ?? 0)) return false;
    this.#read = place;
    if (this.#cancelTimer === null) this.#sendLatest();
    return true;
  }

  /** Sends now what waits for its turn. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#sendLatest();
  }

  /** Sends what waits, and nothing more after that. */
  stop(): void {
    this.flush();
    this.#cancelTimer?.();
    this.#cancelTimer = () => {};
  }

  /** For a page that is going away: sends by another way what has not arrived yet. */
  saveLast(send: (place: ReadPosition) => Promise<unknown>): void {
    const place = this.#read;
    // Nobody is there any more who could try again.
    if (place !== null && place.seq > this.#acknowledgedSeq) send(place).catch(() => {});
  }

  #sendLatest(): void {
    const place = this.#read;
    if (place === null || place.seq <= this.#sentSeq) return;
    this.#sentSeq = place.seq;
    this.#startTimer();
    this.#send(place).then(
      () => {
        this.#acknowledgedSeq = Math.max(this.#acknowledgedSeq, place.seq);
      },
      (error) => {
        if (error instanceof UsherError && !error.retry) return;
        if (this.#sentSeq === place.seq) this.#sentSeq = this.#acknowledgedSeq;
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
 * How many messages of others are unread after `seq`, as far as a window on the channel shows it; null: it does not show
 * it, or the channel was read that far already.
 */
export function countUnreadAfter(
  here: MessageWindow,
  seq: number,
  { last_read_seq, unread }: Pick<Channel, "last_read_seq" | "unread">,
  me: string,
): number | null {
  if (last_read_seq >= seq) return null;
  const others = here.messages.filter(({ user_id, deleted_at }) => user_id !== me && deleted_at === null);
  if (!here.hasNewer) return Math.min(100, others.filter((message) => message.seq > seq).length);
  // A count ends at 100: how many more there are is not known. Nor is what stands before the window.
  if (unread >= 100 || (here.messages[0]?.seq ?? 0) > last_read_seq + 1) return null;
  return Math.max(0, unread - others.filter((message) => message.seq > last_read_seq && message.seq <= seq).length);
}

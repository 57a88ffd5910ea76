import type { Channel, Message } from "../../../protocol/objects.ts";
import { UsherError } from "../../../sdk/errors.ts";
import type { Conversation } from "./conversation.ts";

/** Calls back in `ms`, unless the function that it answers is called before. */
export type Later = (run: () => void, ms: number) => () => void;

const systemLater: Later = (run, ms) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** A place in a channel: the message, and its seq. */
export type Place = Pick<Message, "id" | "seq">;

/**
 * Tells the server how far a person has read: the first place at once, then at most one each `everyMs`, and always the
 * last one. A place that could not be sent is sent again at the next turn.
 */
export class ReadMarker {
  readonly #send: (place: Place) => Promise<unknown>;
  readonly #everyMs: number;
  readonly #later: Later;
  #read: Place | null = null;
  #sentSeq = 0;
  #arrivedSeq = 0;
  /** Set while no mark may be sent. */
  #cancelTurn: (() => void) | null = null;

  constructor(send: (place: Place) => Promise<unknown>, everyMs: number, later = systemLater) {
    this.#send = send;
    this.#everyMs = everyMs;
    this.#later = later;
  }

  /** Up to here was read. Answers whether that is news. */
  read(place: Place): boolean {
    if (place.seq <= (this.#read?.seq ?? 0)) return false;
    this.#read = place;
    if (this.#cancelTurn === null) this.#turn();
    return true;
  }

  /** Sends now what waits for its turn. */
  flush(): void {
    this.#cancelTurn?.();
    this.#cancelTurn = null;
    this.#turn();
  }

  /** Sends what waits, and nothing more after that. */
  stop(): void {
    this.flush();
    this.#cancelTurn?.();
    this.#cancelTurn = () => {};
  }

  /** For a page that is going away: sends by another way what has not arrived yet. */
  saveLast(send: (place: Place) => Promise<unknown>): void {
    const place = this.#read;
    // Nobody is there any more who could try again.
    if (place !== null && place.seq > this.#arrivedSeq) send(place).catch(() => {});
  }

  #turn(): void {
    const place = this.#read;
    if (place === null || place.seq <= this.#sentSeq) return;
    this.#sentSeq = place.seq;
    this.#wait();
    this.#send(place).then(
      () => {
        this.#arrivedSeq = Math.max(this.#arrivedSeq, place.seq);
      },
      (error) => {
        if (error instanceof UsherError && !error.retry) return;
        if (this.#sentSeq === place.seq) this.#sentSeq = this.#arrivedSeq;
        if (this.#cancelTurn === null) this.#wait();
      },
    );
  }

  #wait(): void {
    this.#cancelTurn = this.#later(() => {
      this.#cancelTurn = null;
      this.#turn();
    }, this.#everyMs);
  }
}

/**
 * How many messages of others are unread after `seq`, as far as a window on the channel shows it; null: it does not show
 * it, or the channel was read that far already.
 */
export function unreadAfter(
  here: Conversation,
  seq: number,
  { last_read_seq, unread }: Pick<Channel, "last_read_seq" | "unread">,
  me: string,
): number | null {
  if (last_read_seq >= seq) return null;
  const others = here.messages.filter(({ user_id, deleted_at }) => user_id !== me && deleted_at === null);
  if (!here.newer) return Math.min(100, others.filter((message) => message.seq > seq).length);
  // A count ends at 100: how many more there are is not known. Nor is what stands before the window.
  if (unread >= 100 || (here.messages[0]?.seq ?? 0) > last_read_seq + 1) return null;
  return Math.max(0, unread - others.filter((message) => message.seq > last_read_seq && message.seq <= seq).length);
}

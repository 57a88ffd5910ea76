import type { LogEntry } from "../platform/log/entry.ts";
import type { Connection } from "./connection.ts";
import { encodeEntry } from "./encode.ts";
import type { Entering } from "./entering.ts";
import { HELD, RING, RING_SIZE, RING_SIZE_WHILE_JOINING, RING_WHILE_JOINING } from "./limits.ts";

/** Where a room's frames go, and whom it tells that something is missing. */
export interface RoomOutlet {
  show(room: Room, type: string, frame: string): void;
  /** Behind each entry's frame, while somebody is in the room or on the way in. */
  shown(room: Room, entry: LogEntry): void;
  missing(room: Room): void;
}

/**
 * A room as this node shows it. All entries pass one door, `offer`, whoever brings them (commits, repair, joins), in any order
 * and repeatedly; they leave it seq by seq. It does no I/O.
 */
export class Room {
  readonly name: string;
  /** The seq that is shown next; 0 while the room's place in the log is not known. */
  next = 0;
  /** The last seq that is known to exist. At or above `next`: something is missing. */
  highest = 0;
  members = 0;
  /** Those who are on their way in: from before their rights are asked until they are live. */
  entering: Set<Entering> | null = null;
  /** A person's own room: all his connections are in it except while on the way in again. Its members, by the topic, are services. */
  readonly personal: boolean;
  /** False since the last sweep: nothing was shown and nobody left. */
  stirred = true;
  readonly #outlet: RoomOutlet;
  #held: Map<number, LogEntry> | null = null;
  /** Frames up to `next - 1`. */
  #ring: string[] = NO_FRAMES;
  /** Characters of them. */
  #ringSize = 0;

  constructor(name: string, outlet: RoomOutlet, personal: boolean) {
    this.name = name;
    this.#outlet = outlet;
    this.personal = personal;
  }

  get known(): boolean {
    return this.next > 0;
  }

  /** Takes a committed entry. Before the place is known, or before its turn, it is held. */
  offer(entry: LogEntry): void {
    if (entry.seq === this.next) {
      this.#show(entry);
      this.#release();
    } else if (entry.seq > this.next) {
      if (!this.known && !this.#hasListeners && this.entering === null) return;
      this.#hold(entry);
      this.#check();
    }
  }

  awaits(seq: number): boolean {
    return seq >= this.next && !this.#held?.has(seq) && (this.#hasListeners || this.entering !== null);
  }

  /** False: `offer` would do nothing with it. */
  needs(seq: number): boolean {
    return seq >= this.next && (this.known || this.#hasListeners || this.entering !== null);
  }

  /** Another node has committed this entry, which was too big to bring: it is missing until it is read. */
  announce(seq: number): void {
    if (seq <= this.highest || !(this.known || this.#hasListeners || this.entering !== null)) return;
    this.highest = seq;
    // Whoever is on the way in will read the place. Where nobody is, this entry or one that is held is the beginning.
    if (!this.known && this.entering === null) this.skipTo(Math.min(seq, this.lowestHeld ?? seq));
    else this.#check();
  }

  /** What a read said: the room's head, and that entries after `from` follow by `offer`. Fixes the place, when it was not known. */
  learn(from: number, head: number): void {
    if (head > this.highest) this.highest = head;
    // In a person's own room they are live before the place is known: what is held is for them, what is older is not.
    if (!this.known) this.skipTo(this.personal ? Math.min(head + 1, this.lowestHeld ?? head + 1) : from + 1);
    else this.#check();
  }

  /** Shows what is held although nothing says what was before. For a person's own room that nobody named a position of. */
  settle(): void {
    if (!this.known && this.lowestHeld !== null) this.skipTo(this.lowestHeld);
  }

  /** Goes on at `seq`. Over a hole that cannot be filled the members see the hole, and come again. */
  skipTo(seq: number): void {
    this.next = seq;
    this.#ring = NO_FRAMES;
    if (this.#held !== null) for (const held of this.#held.keys()) if (held < seq) this.#held.delete(held);
    this.#release();
    this.#check();
  }

  /** The seqs that are held. */
  get held(): number[] {
    return [...(this.#held?.keys() ?? [])];
  }

  /**
   * The log ends at `head`, without these, which were held before it was read, and without `announced`, then the highest. What came
   * meanwhile stays: it may be younger than the read.
   */
  drop(seqs: readonly number[], head: number, announced: number): void {
    for (const seq of seqs) if (seq > head) this.#held?.delete(seq);
    if (this.#held?.size === 0) this.#held = null;
    if (this.highest <= announced) this.highest = Math.max(this.next - 1, head, ...this.held);
  }

  get lowestHeld(): number | null {
    return this.#held === null || this.#held.size === 0 ? null : Math.min(...this.#held.keys());
  }

  /** The frames after `from` up to the present; null when memory does not reach back that far, or the room is behind `from`. */
  framesAfter(from: number): string[] | null {
    const count = this.next - 1 - from;
    if (!this.known || count < 0 || count > this.#ring.length) return null;
    return count === 0 ? NO_FRAMES : this.#ring.slice(-count);
  }

  isEntering(connection: Connection): boolean {
    for (const e of this.entering ?? []) if (e.connection === connection && e.refused === null) return true;
    return false;
  }

  /** Lets go of the frames of a room in which nothing happens. */
  forgetFrames(): void {
    if (this.entering === null) this.#ring = NO_FRAMES;
  }

  #show(entry: LogEntry): void {
    const frame = encodeEntry(entry);
    this.next++;
    if (entry.seq > this.highest) this.highest = entry.seq;
    this.stirred = true;
    if (this.#ring === NO_FRAMES) {
      this.#ring = [frame];
      this.#ringSize = 0;
    } else this.#ring.push(frame);
    this.#ringSize += frame.length;
    if (this.#ring.length >= 2 * RING || this.#ringSize > 2 * RING_SIZE) this.#trim();
    if (this.#hasListeners) this.#outlet.show(this, entry.type, frame);
    if (this.members > 0 || this.entering !== null) this.#outlet.shown(this, entry);
  }

  #trim(): void {
    const [most, size] = this.entering === null ? [RING, RING_SIZE] : [RING_WHILE_JOINING, RING_SIZE_WHILE_JOINING];
    if (this.#ring.length <= most && this.#ringSize <= size) return;
    let from = this.#ring.length;
    let kept = 0;
    while (from > 0 && this.#ring.length - from < RING && kept + this.#ring[from - 1]!.length <= RING_SIZE)
      kept += this.#ring[--from]!.length;
    this.#ring = this.#ring.slice(from);
    this.#ringSize = kept;
  }

  #hold(entry: LogEntry): void {
    if (entry.seq > this.highest) this.highest = entry.seq;
    this.#held ??= new Map();
    if (this.#held.size < HELD) this.#held.set(entry.seq, entry);
  }

  #release(): void {
    while (this.#held !== null) {
      const entry = this.#held.get(this.next);
      if (entry === undefined) break;
      this.#held.delete(this.next);
      if (this.#held.size === 0) this.#held = null;
      this.#show(entry);
    }
  }

  /** Something that exists was not shown. While its place is unknown: something waits to be its beginning. */
  get behind(): boolean {
    return this.known ? this.highest >= this.next : this.#hasListeners && this.#held !== null;
  }

  get #hasListeners(): boolean {
    return this.members > 0 || this.personal;
  }

  #check(): void {
    if (this.behind) this.#outlet.missing(this);
  }
}

const NO_FRAMES: string[] = [];

import type { LogEntry } from "../../platform/log/entry.ts";
import type { Connection } from "../connections/connection.ts";
import {
  HISTORY_CHARS,
  HISTORY_CHARS_WHILE_JOINING,
  HISTORY_SIZE,
  HISTORY_SIZE_WHILE_JOINING,
  MAX_BUFFERED,
} from "../limits/fixed-limits.ts";
import type { PendingJoin } from "../recovery/pending-join.ts";

/** Where a room's frames go, and what is called when something is missing. */
export interface RoomEvents {
  onFrame(room: Room, type: string, frame: string): void;
  /** After each entry's frame, while the room has members or pending joins. */
  onPublished(room: Room, entry: LogEntry): void;
  onGap(room: Room): void;
}

/**
 * A room as this node publishes it. All entries go through one method, `ingest`, from commits, repair and joins, in any order and
 * repeatedly; they are published seq by seq. It does no I/O.
 */
export class Room {
  readonly name: string;
  /** The seq that is published next; 0 while the room's position in the log is not known. */
  next = 0;
  /** The last seq that is known to exist. At or above `next`: something is missing. */
  highest = 0;
  members = 0;
  /** Joins under way: from before their rights are checked until they are live. */
  pendingJoins: Set<PendingJoin> | null = null;
  /** A person's own room: all their connections are in it except those with a pending join. Its members, by the topic, are services. */
  readonly isPersonal: boolean;
  /** False: since the last sweep nothing was published and no member left. */
  isActive = true;
  readonly #events: RoomEvents;
  #buffered: Map<number, LogEntry> | null = null;
  /** Frames up to `next - 1`. */
  #history: string[] = NO_FRAMES;
  /** Characters of the history. */
  #historyChars = 0;

  constructor(name: string, events: RoomEvents, personal: boolean) {
    this.name = name;
    this.#events = events;
    this.isPersonal = personal;
  }

  get isPositioned(): boolean {
    return this.next > 0;
  }

  /** Takes a committed entry. It is buffered while the position is not known, or while earlier entries are missing. */
  ingest(entry: LogEntry): void {
    if (entry.seq === this.next) {
      this.#publish(entry);
      this.#publishBuffered();
    } else if (entry.seq > this.next) {
      if (!this.isPositioned && !this.#hasListeners && this.pendingJoins === null) return;
      this.#buffer(entry);
      this.#reportGap();
    }
  }

  isAwaiting(seq: number): boolean {
    return seq >= this.next && !this.#buffered?.has(seq) && (this.#hasListeners || this.pendingJoins !== null);
  }

  /** False: `ingest` would do nothing with it. */
  needs(seq: number): boolean {
    return seq >= this.next && (this.isPositioned || this.#hasListeners || this.pendingJoins !== null);
  }

  /** Another node has committed this entry, which was too big for the broker: it is missing until it is read. */
  announce(seq: number): void {
    if (seq <= this.highest || !(this.isPositioned || this.#hasListeners || this.pendingJoins !== null)) return;
    this.highest = seq;
    // A pending join will read the position. Without one, this entry or a buffered one is the first.
    if (!this.isPositioned && this.pendingJoins === null) this.skipTo(Math.min(seq, this.lowestBuffered ?? seq));
    else this.#reportGap();
  }

  /** The result of a read: the room's head; entries after `from` follow by `ingest`. Sets the position when it was not known. */
  setHead(from: number, head: number): void {
    if (head > this.highest) this.highest = head;
    // In a person's own room connections are live before the position is known: buffered entries are for them, older ones are not.
    if (!this.isPositioned)
      this.skipTo(this.isPersonal ? Math.min(head + 1, this.lowestBuffered ?? head + 1) : from + 1);
    else this.#reportGap();
  }

  /** Publishes what is buffered although the entries before it are not known. For a person's own room without a position. */
  acceptBuffered(): void {
    if (!this.isPositioned && this.lowestBuffered !== null) this.skipTo(this.lowestBuffered);
  }

  /** Continues at `seq`. When a gap cannot be filled, the members see the gap, and join again. */
  skipTo(seq: number): void {
    this.next = seq;
    this.#history = NO_FRAMES;
    if (this.#buffered !== null)
      for (const bufferedSeq of this.#buffered.keys()) if (bufferedSeq < seq) this.#buffered.delete(bufferedSeq);
    this.#publishBuffered();
    this.#reportGap();
  }

  /** The seqs that are buffered. */
  get bufferedSeqs(): number[] {
    return [...(this.#buffered?.keys() ?? [])];
  }

  get bufferedEntries(): Iterable<LogEntry> {
    return this.#buffered?.values() ?? [];
  }

  /**
   * The log ends at `head`, without these seqs, which were buffered before it was read, and without `announced`, then the highest.
   * Entries that came meanwhile stay: they may be newer than the read.
   */
  dropBuffered(seqs: readonly number[], head: number, announced: number): void {
    for (const seq of seqs) if (seq > head) this.#buffered?.delete(seq);
    if (this.#buffered?.size === 0) this.#buffered = null;
    if (this.highest <= announced) this.highest = Math.max(this.next - 1, head, ...this.bufferedSeqs);
  }

  get lowestBuffered(): number | null {
    return this.#buffered === null || this.#buffered.size === 0 ? null : Math.min(...this.#buffered.keys());
  }

  /** The frames after `from` up to the present; null when the history does not go back that far, or the room is before `from`. */
  framesAfter(from: number): string[] | null {
    const count = this.next - 1 - from;
    if (!this.isPositioned || count < 0 || count > this.#history.length) return null;
    return count === 0 ? NO_FRAMES : this.#history.slice(-count);
  }

  /** Of a person's connections those that get the frames of their own room now: all but those with a pending join. */
  selectLive(connections: readonly Connection[]): readonly Connection[] {
    return this.pendingJoins === null ? connections : connections.filter((one) => !this.isJoining(one));
  }

  isJoining(connection: Connection): boolean {
    for (const join of this.pendingJoins ?? []) if (join.connection === connection && !join.isRefused) return true;
    return false;
  }

  /** Drops the history of an idle room. */
  clearHistory(): void {
    if (this.pendingJoins === null) this.#history = NO_FRAMES;
  }

  #publish(entry: LogEntry): void {
    const frame = encodeEntry(entry);
    this.next++;
    if (entry.seq > this.highest) this.highest = entry.seq;
    this.isActive = true;
    if (this.#history === NO_FRAMES) {
      this.#history = [frame];
      this.#historyChars = 0;
    } else this.#history.push(frame);
    this.#historyChars += frame.length;
    if (this.#history.length >= 2 * HISTORY_SIZE || this.#historyChars > 2 * HISTORY_CHARS) this.#trim();
    if (this.#hasListeners) this.#events.onFrame(this, entry.type, frame);
    if (this.members > 0 || this.pendingJoins !== null) this.#events.onPublished(this, entry);
  }

  #trim(): void {
    const [maxFrames, maxChars] =
      this.pendingJoins === null
        ? [HISTORY_SIZE, HISTORY_CHARS]
        : [HISTORY_SIZE_WHILE_JOINING, HISTORY_CHARS_WHILE_JOINING];
    if (this.#history.length <= maxFrames && this.#historyChars <= maxChars) return;
    let from = this.#history.length;
    let chars = 0;
    while (
      from > 0 &&
      this.#history.length - from < HISTORY_SIZE &&
      chars + this.#history[from - 1]!.length <= HISTORY_CHARS
    )
      chars += this.#history[--from]!.length;
    this.#history = this.#history.slice(from);
    this.#historyChars = chars;
  }

  #buffer(entry: LogEntry): void {
    if (entry.seq > this.highest) this.highest = entry.seq;
    this.#buffered ??= new Map();
    if (this.#buffered.size < MAX_BUFFERED) this.#buffered.set(entry.seq, entry);
  }

  #publishBuffered(): void {
    while (this.#buffered !== null) {
      const entry = this.#buffered.get(this.next);
      if (entry === undefined) break;
      this.#buffered.delete(this.next);
      if (this.#buffered.size === 0) this.#buffered = null;
      this.#publish(entry);
    }
  }

  /** An entry that exists was not published. While the position is not known: an entry is buffered. */
  get hasGap(): boolean {
    return this.isPositioned ? this.highest >= this.next : this.#hasListeners && this.#buffered !== null;
  }

  get #hasListeners(): boolean {
    return this.members > 0 || this.isPersonal;
  }

  #reportGap(): void {
    if (this.hasGap) this.#events.onGap(this);
  }
}

const NO_FRAMES: string[] = [];

/** The frame of a log entry, the same for all members (SPEC FR-5). The payload's text is inserted unchanged, without a parse. */
export function encodeEntry(entry: LogEntry): string {
  return `{"type":"${entry.type}","room":"${escapeRoom(entry.room)}","seq":${entry.seq},"payload":${entry.payload}}`;
}

/** A room's name in JSON text: names of rooms are visible ASCII, so only two characters need an escape. */
function escapeRoom(room: string): string {
  return room.includes('"') || room.includes("\\") ? room.replace(/["\\]/g, "\\$&") : room;
}

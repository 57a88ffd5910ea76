import type { Broadcast } from "../transport.ts";

/** ms of the event loop that one write to one socket takes, about. */
const WRITE_MS = Number(process.env.PACE_US ?? 2.5) / 1_000;
/** A topic's writes may take this part of the time: one out of so many. */
const SHARE = Number(process.env.PACE_K ?? 2);
/** Maximum ms that a frame waits. */
const MAX_WAIT_MS = Number(process.env.PACE_MAX ?? 10);
/** Topics with fewer members wait for nothing. */
const MIN_MEMBERS = 100;

interface Topic {
  frames: string[];
  /** When its next write may be; ms of performance.now. */
  readyAt: number;
  /** Its frames of this turn are one write. */
  isOpen: boolean;
  timer: ReturnType<typeof setTimeout> | null;
}

/**
 * Joins the frames of a busy topic with many members into fewer writes. One write to all of them occupies the event loop for
 * milliseconds, so at some hundred frames a second nothing else would get its turn. The first frame goes at once; the next write is
 * not before the last one's share of the time is over, and has all frames that came meanwhile.
 */
export class TopicPacer {
  readonly #topics = new Map<string, Topic>();
  readonly #write: Broadcast;

  /** @param write sends a text to all sockets of a topic; those of one turn are joined to one write for each socket */
  constructor(write: Broadcast) {
    this.#write = write;
  }

  publish(name: string, frame: string, members: number): void {
    const known = this.#topics.get(name);
    if (members < MIN_MEMBERS && known === undefined) {
      this.#write(name, frame);
      return;
    }
    const topic = known ?? this.#open(name);
    const now = performance.now();
    if (topic.frames.length === 0 && (topic.isOpen || now >= topic.readyAt)) {
      this.#write(name, frame);
      if (topic.isOpen) return;
      topic.isOpen = true;
      topic.readyAt = now + Math.min(MAX_WAIT_MS, members * WRITE_MS * SHARE);
      queueMicrotask(() => {
        topic.isOpen = false;
      });
      return;
    }
    topic.frames.push(frame);
    topic.timer ??= setTimeout(() => this.#flushPaced(name, members), Math.max(0, topic.readyAt - now));
  }

  /** Before anything else is sent to members of this topic, and before one of them leaves it or another joins. */
  flush(name: string): void {
    const topic = this.#topics.get(name);
    if (topic === undefined || topic.frames.length === 0) return;
    const { frames } = topic;
    topic.frames = [];
    for (const frame of frames) this.#write(name, frame);
  }

  flushAll(): void {
    for (const name of this.#topics.keys()) this.flush(name);
  }

  #open(name: string): Topic {
    const topic: Topic = { frames: [], readyAt: 0, isOpen: false, timer: null };
    this.#topics.set(name, topic);
    return topic;
  }

  #flushPaced(name: string, members: number): void {
    const topic = this.#topics.get(name)!;
    topic.timer = null;
    topic.readyAt = performance.now() + Math.min(MAX_WAIT_MS, members * WRITE_MS * SHARE);
    this.flush(name);
  }
}

import type { StreamFrame } from "./index.ts";
import { toStreamFrame } from "./stream-frame.ts";

/** A subscriber of a topic. */
export interface Subscriber {
  /** As `Socket.send`: bytes; -1: queued; 0: dropped. */
  deliver(frame: StreamFrame): number;
}

/** Which streams are in which room: what Bun's topics are for WebSockets. */
export class Topics {
  readonly #topics = new Map<string, Set<Subscriber>>();

  add(topic: string, listener: Subscriber): void {
    const listeners = this.#topics.get(topic);
    if (listeners === undefined) this.#topics.set(topic, new Set([listener]));
    else listeners.add(listener);
  }

  remove(topic: string, listener: Subscriber): void {
    const listeners = this.#topics.get(topic);
    if (listeners?.delete(listener) && listeners.size === 0) this.#topics.delete(topic);
  }

  /** Sends a frame to all subscribers. Returns the worst of their results; above 0 when there is none. */
  readonly publish = (topic: string, text: string): number => {
    const listeners = this.#topics.get(topic);
    if (listeners === undefined) return Number.POSITIVE_INFINITY;
    const frame = toStreamFrame(text);
    let worst = Number.POSITIVE_INFINITY;
    // A copy: a subscriber that does not keep up is closed, and gone from the set, while it is walked.
    for (const listener of [...listeners]) worst = worseResult(worst, listener.deliver(frame));
    return worst;
  };
}

/** Of two results of `send`: 0 (dropped) is worse than -1 (queued), and that is worse than sent. */
function worseResult(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return Math.min(a, b);
}

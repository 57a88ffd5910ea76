import type { StreamFrame } from "./index.ts";

/** Who takes the frames of a topic. */
export interface Listener {
  /** As `Socket.send`: bytes; -1: queued; 0: dropped. */
  take(frame: StreamFrame): number;
}

/** Which streams are in which room: what Bun's topics are for WebSockets. */
export class Topics {
  readonly #topics = new Map<string, Set<Listener>>();

  add(topic: string, listener: Listener): void {
    const listeners = this.#topics.get(topic);
    if (listeners === undefined) this.#topics.set(topic, new Set([listener]));
    else listeners.add(listener);
  }

  remove(topic: string, listener: Listener): void {
    const listeners = this.#topics.get(topic);
    if (listeners?.delete(listener) && listeners.size === 0) this.#topics.delete(topic);
  }

  /** The worst that a listener answered; null without any. `frame` is made only when somebody is there. */
  publish(topic: string, frame: () => StreamFrame): number | null {
    const listeners = this.#topics.get(topic);
    if (listeners === undefined) return null;
    const made = frame();
    let worst = Number.POSITIVE_INFINITY;
    // A copy: whoever does not keep up is cut, and gone from the set, while it is walked.
    for (const listener of [...listeners]) worst = worse(worst, listener.take(made));
    return worst;
  }
}

/** Of two answers of `send`: 0 (dropped) is worse than -1 (queued), and that is worse than sent. */
export function worse(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return Math.min(a, b);
}

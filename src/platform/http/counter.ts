import type { Ticking } from "../clock.ts";
import { createSharing, type Shared } from "./shared-limits.ts";

const TICKING: Ticking = {
  now: () => performance.now(),
  later: (run, ms) => void setTimeout(run, ms),
};

/** `points` uses in `seconds`. `points` may change. */
export interface RateLimit {
  points: number;
  seconds: number;
  /** Left out: each node counts for itself. */
  shared?: Shared;
}

/** Where a key stands: `wait` is in seconds, until its window ends. */
export interface Standing {
  allowed: boolean;
  left: number;
  wait: number;
}

/** Counts uses under this key (one, unless told), if they are allowed. Takes no time. */
export type Counter = (key: string, uses?: number) => Standing;

interface Window {
  /** Unix ms of its beginning, and its end by the clock that never jumps. */
  begin: number;
  end: number;
  /** Uses on this node, and on the others as far as they have told. */
  own: number;
  elsewhere: number;
}

/** Counts in fixed windows, which begin with the first use of a key. One entry per key, gone with its window. */
export function createCounter(limit: RateLimit, ticking: Ticking = TICKING): Counter {
  const length = limit.seconds * 1_000;
  // In the order in which they end, because all are of one length.
  const windows = new Map<string, Window>();

  function windowOf(key: string): Window {
    const at = ticking.now();
    for (const [old, { end }] of windows) {
      if (end > at) break;
      windows.delete(old);
    }
    let window = windows.get(key);
    if (window === undefined) {
      window = { begin: Math.round(performance.timeOrigin + at), end: at + length, own: 0, elsewhere: 0 };
      windows.set(key, window);
    }
    return window;
  }

  const sharing =
    limit.shared &&
    createSharing(limit.shared, limit, ticking, (key, uses) => {
      windowOf(key).elsewhere += uses;
    });

  return (key, uses = 1) => {
    const window = windowOf(key);
    const allowed = window.own + window.elsewhere + uses <= limit.points;
    if (allowed) {
      window.own += uses;
      sharing?.used(key, window.begin, window.own);
    }
    return {
      allowed,
      left: Math.max(0, limit.points - window.own - window.elsewhere),
      wait: Math.max(1, Math.ceil((window.end - ticking.now()) / 1_000)),
    };
  };
}

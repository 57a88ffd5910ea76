import type { MonotonicClock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { createSharedUsage, type SharedLimit } from "./shared-limits.ts";

const SYSTEM_CLOCK: MonotonicClock = {
  now: () => performance.now(),
  schedule: (run, ms) => void setTimeout(run, ms),
};

/** `points` uses in `seconds`. `points` may change. */
export interface RateLimit {
  points: number;
  seconds: number;
  /** Left out: each node counts for itself. */
  shared?: SharedLimit;
}

/** What is left to a key: `retryAfter` is in seconds, until its window ends. */
export interface RateLimitResult {
  allowed: boolean;
  remaining: number;
  retryAfter: number;
}

/** Counts uses under this key (one by default), if they are allowed. Takes no time. */
export type RateLimiter = (key: string, uses?: number) => RateLimitResult;

interface Window {
  /** Unix ms of its beginning, and its end by the monotonic clock. */
  begin: number;
  end: number;
  /** Uses on this node, and on the others as far as they have reported. */
  own: number;
  others: number;
}

/** Rate limiter with fixed windows, which begin with the first use of a key. One entry per key, gone with its window. */
export function createRateLimiter(limit: RateLimit, clock: MonotonicClock = SYSTEM_CLOCK): RateLimiter {
  const length = limit.seconds * 1_000;
  // In the order in which they end, because all are of one length.
  const windows = new Map<string, Window>();

  function getWindow(key: string): Window {
    const at = clock.now();
    for (const [old, { end }] of windows) {
      if (end > at) break;
      windows.delete(old);
    }
    let window = windows.get(key);
    if (window === undefined) {
      window = { begin: Math.round(performance.timeOrigin + at), end: at + length, own: 0, others: 0 };
      windows.set(key, window);
    }
    return window;
  }

  const sharedUsage =
    limit.shared &&
    createSharedUsage(limit.shared, limit, clock, (key, uses) => {
      getWindow(key).others += uses;
    });

  return (key, uses = 1) => {
    const window = getWindow(key);
    const allowed = window.own + window.others + uses <= limit.points;
    if (allowed) {
      window.own += uses;
      sharedUsage?.report(key, window.begin, window.own);
    }
    return {
      allowed,
      remaining: Math.max(0, limit.points - window.own - window.others),
      retryAfter: Math.max(1, Math.ceil((window.end - clock.now()) / 1_000)),
    };
  };
}

/** The refusal of what comes too often. @param retryAfter seconds */
export function rateLimitedError(retryAfter: number): AppError {
  return new AppError("rate_limited", `Too many requests. Try again in ${retryAfter} s.`, { retry_after: retryAfter });
}

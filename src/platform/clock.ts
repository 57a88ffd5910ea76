/** The node's clock. Leases and expiry use the database's clock instead; this one is for timers, timeouts and ids. */
export interface Clock {
  /** Unix time in ms. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** A monotonic clock, in ms, and its timers. Tests have another one. */
export interface MonotonicClock {
  now(): number;
  schedule(run: () => void, ms: number): void;
}

const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;

/** ms to wait after the first, second, … failed attempt: 13 attempts within three days. */
export const SCHEDULE = [
  5 * S,
  30 * S,
  2 * MIN,
  10 * MIN,
  30 * MIN,
  1 * H,
  2 * H,
  4 * H,
  8 * H,
  12 * H,
  20 * H,
  24 * H,
] as const;

const JITTER = 0.2;

/**
 * ms until the next attempt, a fifth more or less than the schedule says, so that what failed together does not come back
 * together; null when there is none.
 *
 * @param failed attempts that have failed, this one included
 * @param random from 0 up to 1
 */
export function backoff(failed: number, random: number): number | null {
  const delay = SCHEDULE[failed - 1];
  return delay === undefined ? null : Math.round(delay * (1 + JITTER * (2 * random - 1)));
}

/** A Retry-After header (RFC 9110 §10.2.3: seconds or a date) as ms from `now`; null when there is none that can be read. */
export function retryAfter(header: string | undefined, now: number, most: number): number | null {
  if (header === undefined) return null;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, most) : null;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** ms to wait after the first, second, … failed attempt: 13 attempts within three days. */
export const SCHEDULE_MS = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  1 * HOUR_MS,
  2 * HOUR_MS,
  4 * HOUR_MS,
  8 * HOUR_MS,
  12 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
] as const;

const JITTER = 0.2;

/**
 * ms until the next attempt, a fifth more or less than the schedule says, so that what failed together is not retried
 * together; null when there is none.
 *
 * @param failedAttempts with this one
 * @param random from 0 up to 1
 */
export function getRetryDelay(failedAttempts: number, random: number): number | null {
  const delay = SCHEDULE_MS[failedAttempts - 1];
  return delay === undefined ? null : Math.round(delay * (1 + JITTER * (2 * random - 1)));
}

/** A Retry-After header (RFC 9110 §10.2.3: seconds or a date) as ms from `now`; null when there is none that can be read. */
export function parseRetryAfter(header: string | undefined, now: number, max: number): number | null {
  if (header === undefined) return null;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, max) : null;
}

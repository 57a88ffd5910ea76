import type { Environment } from "./environment.ts";

type RandomSource = Pick<Environment, "random">;

const BASE_MS = 500;
const MAX_MS = 10_000;

/**
 * How long to wait before try number `attempt` (0, 1, 2 …), in ms: anything from 0 to a bound that doubles up to 10 s ("full jitter",
 * aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter), so that clients that lost the connection at
 * the same time do not reconnect at the same time.
 */
export function backoff(attempt: number, source: RandomSource): number {
  return source.random() * Math.min(MAX_MS, BASE_MS * 2 ** attempt);
}

/** A random time between two bounds, in ms. */
export function randomBetween([min, max]: readonly [number, number], source: RandomSource): number {
  return min + source.random() * Math.max(0, max - min);
}

import type { Environment } from "./environment.ts";

type Chance = Pick<Environment, "random">;

const BASE = 500;
const MOST = 10_000;

/**
 * How long to wait before try number `attempt` (0, 1, 2 …), in ms: anything from 0 to a bound that doubles up to 10 s ("full jitter",
 * aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter), so that clients cut together do not come back together.
 */
export function backoff(attempt: number, chance: Chance): number {
  return chance.random() * Math.min(MOST, BASE * 2 ** attempt);
}

/** A random time between two bounds, in ms. */
export function between([least, most]: readonly [number, number], chance: Chance): number {
  return least + chance.random() * Math.max(0, most - least);
}

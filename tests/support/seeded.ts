/** A seeded source of numbers (mulberry32), so that a failing run can be run again. */
export interface Seeded {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** An integer from `min` to `max`. */
  int(min: number, max: number): number;
  /** True with this probability. */
  chance(p: number): boolean;
}

export function seeded(seed: number): Seeded {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
  return {
    next,
    int: (min, max) => min + Math.floor(next() * (max - min + 1)),
    chance: (p) => next() < p,
  };
}

/** SEED of the environment, or a new one; printed, so that the run can be repeated. */
export function chooseSeed(test: string): number {
  const seed = process.env.SEED ? Number(process.env.SEED) : Math.floor(Math.random() * 2 ** 31);
  console.log(`${test}: SEED=${seed}`);
  return seed;
}

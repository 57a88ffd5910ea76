import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits for a condition, not for a time: polls every 10 ms (`every`) until the result is neither false, null nor undefined, and
 * returns it. A call that throws counts as "not yet". Gives up after `within` ms with the last error.
 */
export async function waitUntil<T>(
  what: string,
  read: () => T | Promise<T>,
  within = 30_000,
  every = 10,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + within;
  for (let last: unknown; ; ) {
    try {
      const result = await Promise.race([
        read(),
        sleep(Math.max(deadline - performance.now(), 0), null, { ref: false }),
      ]);
      if (result !== null && result !== undefined && result !== false) return result;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`It did not come to pass within ${within / 1_000} s: ${what}`, { cause: last });
    await sleep(every);
  }
}

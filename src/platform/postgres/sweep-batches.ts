/** Rows that one statement of a sweep removes at most: it ends long before a statement's time limit, and holds its locks for a moment. */
export const SWEEP_BATCH = 5_000;

/**
 * Repeats a step until it finds nothing more to do.
 *
 * @param step returns how many rows it has done
 * @returns the sum of them
 */
export async function repeatUntilEmpty(step: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (let done = await step(); done > 0; done = await step()) sum += done;
  return sum;
}

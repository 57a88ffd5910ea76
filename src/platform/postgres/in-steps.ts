/** Rows that one statement of a sweep removes: so it ends long before the limit of a statement, and holds its locks for a moment. */
export const STEP = 5_000;

/** Repeats a step until it finds nothing more to do. It answers how many rows it did. */
export async function untilNone(step: () => Promise<number>): Promise<void> {
  while ((await step()) > 0);
}

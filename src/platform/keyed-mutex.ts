/**
 * A keyed mutex: work under one key runs one after the other, in the order it came; other keys are not blocked. For transactions that
 * would only wait for each other's row: those that wait here hold no connection of the pool.
 */
export type KeyedMutex = <T>(key: string, work: () => Promise<T>) => Promise<T>;

export function createKeyedMutex(): KeyedMutex {
  /** The last work of each key in use. */
  const tails = new Map<string, Promise<void>>();

  return async function runExclusive(key, work) {
    const before = tails.get(key);
    const slot = Promise.withResolvers<void>();
    tails.set(key, slot.promise);
    try {
      await before;
      return await work();
    } finally {
      slot.resolve();
      if (tails.get(key) === slot.promise) tails.delete(key);
    }
  };
}

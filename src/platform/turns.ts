/**
 * Lets work under one key run one after the other, in the order it came; other keys are not held up. For transactions that
 * would only wait for each other's row: those that wait here hold no connection of the pool.
 */
export type InTurn = <T>(key: string, work: () => Promise<T>) => Promise<T>;

export function createTurns(): InTurn {
  /** What ends last under each key that is in use. */
  const last = new Map<string, Promise<void>>();

  return async function inTurn(key, work) {
    const before = last.get(key);
    const turn = Promise.withResolvers<void>();
    last.set(key, turn.promise);
    try {
      await before;
      return await work();
    } finally {
      turn.resolve();
      if (last.get(key) === turn.promise) last.delete(key);
    }
  };
}

/** A small typed event emitter: names and payloads come from the type `M`. A listener that throws does not stop the others. */
export class Events<M> {
  readonly #listeners = new Map<keyof M, Set<(value: never) => void>>();

  /** Returns the function that removes the listener. */
  on<K extends keyof M>(name: K, listener: (value: M[K]) => void): () => void {
    let set = this.#listeners.get(name);
    if (!set) {
      set = new Set();
      this.#listeners.set(name, set);
    }
    set.add(listener);
    return () => {
      set.delete(listener);
    };
  }

  emit<K extends keyof M>(name: K, value: M[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])] as ((value: M[K]) => void)[]) {
      callSafely(() => listener(value));
    }
  }
}

/** Runs a caller's function; what it throws becomes an uncaught error instead of breaking the stream. */
export function callSafely(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

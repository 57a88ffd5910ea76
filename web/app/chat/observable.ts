import { useSyncExternalStore } from "react";

/** A value that components subscribe to. The state of the pages in the browser is a few of these. */
export class Observable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  update(apply: (value: T) => T): void {
    this.set(apply(this.#value));
  }
}

export function useObservable<T>(value: Observable<T>): T {
  return useSyncExternalStore(value.subscribe, value.get, value.get);
}

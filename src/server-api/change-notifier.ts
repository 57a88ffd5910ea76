/** Wakes all calls that are waiting; later ones wait for the next notification. */
export interface ChangeNotifier {
  next(): Promise<void>;
  notify(): void;
  /** Wakes all, and from now on each at once. */
  close(): void;
  readonly isClosed: boolean;
}

export function createChangeNotifier(): ChangeNotifier {
  let waiting = Promise.withResolvers<void>();
  let isClosed = false;
  return {
    get isClosed() {
      return isClosed;
    },
    next: () => waiting.promise,
    notify() {
      const released = waiting;
      if (!isClosed) waiting = Promise.withResolvers<void>();
      released.resolve();
    },
    close() {
      isClosed = true;
      waiting.resolve();
    },
  };
}

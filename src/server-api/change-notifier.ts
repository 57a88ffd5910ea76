/** Wakes all who wait at a moment; those who come later wait for the next. */
export interface ChangeNotifier {
  next(): Promise<void>;
  notify(): void;
  /** Notifies all, from now on at once. */
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

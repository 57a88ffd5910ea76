/** Wakes all who wait at a moment; those who come later wait for the next. */
export interface Bell {
  next(): Promise<void>;
  ring(): void;
  /** Rings for everybody, from now on at once. */
  close(): void;
  readonly closed: boolean;
}

export function createBell(): Bell {
  let waiting = Promise.withResolvers<void>();
  let closed = false;
  return {
    get closed() {
      return closed;
    },
    next: () => waiting.promise,
    ring() {
      const woken = waiting;
      if (!closed) waiting = Promise.withResolvers<void>();
      woken.resolve();
    },
    close() {
      closed = true;
      waiting.resolve();
    },
  };
}

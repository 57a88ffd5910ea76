/** Items that wait apart from the others, because one of them needs a row that another transaction has locked. */
export interface KeyQueues<T> {
  /** How many wait. */
  readonly size: number;
  add(items: readonly T[]): void;
  /** Adds an item whose key has others here, waiting or under way; false when there are none. */
  tryEnqueue(item: T): boolean;
}

interface Options<T> {
  /** Items with the same key keep their order. */
  key(item: T): string;
  /** Runs items of one key; never rejects. */
  run(items: T[]): Promise<void>;
  /** Called with items that waited so long that they are not tried any more. */
  onTimeout(items: T[]): void;
  /** Maximum items of one run. */
  maxBatch: number;
  /** A monotonic clock in ms. */
  now(): number;
}

/** Keys under way at a time. Each may wait for a lock, with a connection. */
const MAX_RUNNING = 3;
/** An item after many others that wait for locks fails sooner than after all of them. */
const MAX_WAIT_MS = 4_000;

/** One queue per key, in order inside it, and `MAX_RUNNING` queues at a time. */
export function createKeyQueues<T>({ key, run, onTimeout, maxBatch, now }: Options<T>): KeyQueues<T> {
  /** Each with the time since which it waits: a queue that never empties is not late for that. */
  const waiting = new Map<string, { item: T; since: number }[]>();
  const running = new Set<string>();
  let size = 0;

  function enqueue(item: T): void {
    const name = key(item);
    const queue = waiting.get(name) ?? [];
    queue.push({ item, since: now() });
    waiting.set(name, queue);
    size++;
  }

  /** The first of a queue, in order. */
  function dequeue(queue: { item: T }[], count: number): T[] {
    size -= Math.min(count, queue.length);
    return queue.splice(0, count).map(({ item }) => item);
  }

  function start(): void {
    for (const [name, queue] of waiting) {
      if (running.size === MAX_RUNNING) return;
      if (running.has(name)) continue;
      const firstInTime = queue.findIndex(({ since }) => now() - since <= MAX_WAIT_MS);
      const expired = dequeue(queue, firstInTime === -1 ? queue.length : firstInTime);
      const items = dequeue(queue, maxBatch);
      if (queue.length === 0) waiting.delete(name);
      if (expired.length > 0) onTimeout(expired);
      if (items.length === 0) continue;
      running.add(name);
      void run(items).finally(() => {
        running.delete(name);
        start();
      });
    }
  }

  return {
    get size() {
      return size;
    },
    add(items) {
      items.forEach(enqueue);
      start();
    },
    tryEnqueue(item) {
      const name = key(item);
      if (!waiting.has(name) && !running.has(name)) return false;
      enqueue(item); // it is started when a queue has ended: while one waits, as many as may be are under way
      return true;
    },
  };
}

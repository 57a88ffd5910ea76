/** Items that wait apart from the others, because one of them needs what somebody else holds. */
export interface Lanes<T> {
  /** How many wait. */
  readonly size: number;
  add(items: readonly T[]): void;
  /** Takes an item whose key has others here, waiting or under way; false when there are none. */
  follow(item: T): boolean;
}

interface Options<T> {
  /** Items with the same key keep their order. */
  key(item: T): string;
  /** Runs items of one key; never rejects. */
  run(items: T[]): Promise<void>;
  /** Told of items that waited so long that they are not tried any more. */
  giveUp(items: T[]): void;
  /** Most items of one run. */
  maxBatch: number;
  /** A clock in ms that never jumps. */
  now(): number;
}

/** Keys under way at a time. Each may wait for a lock, with a connection. */
const MOST = 3;
/** Who is behind many others that wait for locks is told sooner than after all of them. */
const PATIENCE_MS = 4_000;

/** One lane per key, in order inside it, and `MOST` lanes at a time. */
export function createLanes<T>({ key, run, giveUp, maxBatch, now }: Options<T>): Lanes<T> {
  /** Each with the time since which it waits: a lane that never empties is not late for that. */
  const waiting = new Map<string, { item: T; since: number }[]>();
  const running = new Set<string>();
  let size = 0;

  function put(item: T): void {
    const name = key(item);
    const lane = waiting.get(name) ?? [];
    lane.push({ item, since: now() });
    waiting.set(name, lane);
    size++;
  }

  /** The first of a lane, in order. */
  function take(lane: { item: T }[], count: number): T[] {
    size -= Math.min(count, lane.length);
    return lane.splice(0, count).map(({ item }) => item);
  }

  function start(): void {
    for (const [name, lane] of waiting) {
      if (running.size === MOST) return;
      if (running.has(name)) continue;
      const inTime = lane.findIndex(({ since }) => now() - since <= PATIENCE_MS);
      const late = take(lane, inTime === -1 ? lane.length : inTime);
      const items = take(lane, maxBatch);
      if (lane.length === 0) waiting.delete(name);
      if (late.length > 0) giveUp(late);
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
      items.forEach(put);
      start();
    },
    follow(item) {
      const name = key(item);
      if (!waiting.has(name) && !running.has(name)) return false;
      put(item); // it is started when a lane has ended: while one waits, as many as may be are under way
      return true;
    },
  };
}

import DataLoader from "dataloader";
import { detached } from "./context.ts";
import { AppError } from "./errors.ts";
import { isUnavailable, sqlState, toAppError } from "./postgres/database-errors.ts";

/** Reads one value. Rejects with AppError `unavailable` when too much is waiting, or the database is unavailable. */
export type Load<Key, Value> = (key: Key) => Promise<Value>;

export interface LoaderOptions<Key, Value> {
  /** One read for many keys, each once, that is safe to repeat. Returns one value per key, in the same order. */
  read(keys: readonly Key[]): Promise<readonly Value[]>;
  /** Keys with the same text are one. */
  toText(key: Key): string;
  /** Maximum keys of one read. */
  maxBatch: number;
  /** Maximum keys that may wait; one more is refused. */
  maxWaiting?: number;
  /** Reads at a time. */
  inFlight?: number;
  /** When what waits may be read; at once, after this turn, if left out. */
  schedule?: (start: () => void) => void;
}

const MAX_WAITING = 1_000_000;

/**
 * Reads values by keys in batches, and caches none (docs/adr/0014-one-batcher-one-loader.md). What is requested in one turn is one
 * read, and what is requested while `inFlight` reads are under way is the next one: a single request does not wait, and ten thousand
 * at once are a few reads. Equal keys that wait are one; a read that was sent already is not shared, since it may be older than what
 * its new caller has seen. When PostgreSQL refuses a read it is repeated in halves, until the bad key is alone and fails only its
 * own callers.
 */
export function createLoader<Key, Value>({
  read,
  toText,
  maxBatch,
  maxWaiting = MAX_WAITING,
  inFlight = 1,
  schedule = queueMicrotask,
}: LoaderOptions<Key, Value>): Load<Key, Value> {
  const waiting = new Map<string, Promise<Value>>();
  const batches: (() => void)[] = [];
  let running = 0;
  let loader = open();

  function open(): DataLoader<Key, Value, string> {
    return new DataLoader(readBatch, {
      maxBatchSize: maxBatch,
      cacheKeyFn: toText,
      cacheMap: waiting,
      batchScheduleFn(readThis) {
        batches.push(readThis);
        // A batch is not its first caller's.
        schedule(() => detached(start));
      },
    });
  }

  function start(): void {
    while (running < inFlight && batches.length > 0) batches.shift()!();
  }

  async function readBatch(keys: readonly Key[]): Promise<(Value | Error)[]> {
    running++;
    for (const key of keys) waiting.delete(toText(key));
    const values = await readInHalves(keys);
    running--;
    // A DataLoader holds its last batch with the values of it.
    if (running === 0 && batches.length === 0) loader = open();
    start();
    return values;
  }

  async function readInHalves(keys: readonly Key[]): Promise<(Value | Error)[]> {
    try {
      const values = await read(keys);
      if (values.length !== keys.length) throw new Error(`A read of ${keys.length} keys had ${values.length} values.`);
      return [...values];
    } catch (error) {
      if (keys.length === 1 || sqlState(error) === null || isUnavailable(error)) {
        const reason = toAppError(error);
        return keys.map(() => (reason instanceof Error ? reason : new Error("A read failed.", { cause: reason })));
      }
      const half = keys.length >> 1;
      return [...(await readInHalves(keys.slice(0, half))), ...(await readInHalves(keys.slice(half)))];
    }
  }

  return (key) => {
    if (waiting.size >= maxWaiting && !waiting.has(toText(key)))
      return Promise.reject(
        new AppError("unavailable", "Too much is waiting to be read. Try again soon.", { retry_after: 1 }),
      );
    return loader.load(key);
  };
}

import { detached } from "../context.ts";
import { AppError } from "../errors.ts";
import { isLockTimeout, isUnavailable, toAppError } from "./database-errors.ts";
import { createKeyQueues, type KeyQueues } from "./key-queues.ts";

/** Group commit: what is added while a batch is being written is the next batch. */
export interface Batcher<I, O> {
  /**
   * Queues an item and resolves with its own result. Items are run in the order they were added.
   * Rejects with AppError `unavailable` when the queue is full or the database is unavailable (the outcome is then unknown).
   */
  add(item: I): Promise<O>;
}

interface Options<I, O> {
  /** Runs one batch: all or nothing, safe to repeat. Returns one output per input, in the same order. */
  run(items: readonly I[]): Promise<O[]>;
  /** What to do when `run` fails because another transaction has locked a row. Without it all items of that batch are `unavailable`. */
  perKey?: PerKey<I, O>;
  /** Maximum items of one batch. */
  maxBatch?: number;
  /** Maximum items that may wait; one more is refused. */
  maxQueue?: number;
  /** When a batch starts that waits for no other one: after this turn, if left out. */
  schedule?(start: () => void): void;
  /** A monotonic clock in ms; for tests. */
  now?(): number;
}

interface PerKey<I, O> {
  /** Names the row that an item needs. Only items with the same key keep their order then. */
  key(item: I): string;
  /** As the other `run`, for items of one key; it must be able to run beside it, with connections of its own. It waits for the row. */
  run(items: readonly I[]): Promise<O[]>;
  /**
   * For an output of the other `run` that means: nothing was done of this item, since another transaction has locked its row. So that `run`
   * need not wait for what only some of its items need.
   */
  isLocked?(output: O): boolean;
}

interface Pending<I, O> {
  item: I;
  resolve(output: O): void;
  reject(error: unknown): void;
}

/**
 * Group commit without a timer, for writes; reads have ../loader.ts. While one batch is being written, what is added waits, and all of
 * it (up to `maxBatch`) is the next batch. A batch that fails is run again in halves, in order, until the bad item is alone and fails
 * only its own caller. What another transaction has locked is run again key by key beside the others, so a locked row costs only the
 * items that need it.
 */
export function createBatcher<I, O>({
  run,
  perKey,
  maxBatch = 512,
  maxQueue = 20_000,
  schedule = queueMicrotask,
  now = () => performance.now(),
}: Options<I, O>): Batcher<I, O> {
  const queue: Pending<I, O>[] = [];
  let isRunning = false;
  const keyQueues = perKey
    ? createKeyQueues<Pending<I, O>>({
        key: ({ item }) => perKey.key(item),
        run: (batch) => runBatch(batch, perKey.run, null),
        onTimeout: (batch) =>
          fail(batch, new AppError("unavailable", "Another change holds this. Try again soon.", { retry_after: 1 })),
        maxBatch,
        now,
      })
    : null;

  function start(): void {
    if (isRunning || queue.length === 0) return;
    isRunning = true;
    void runBatch(queue.splice(0, maxBatch), run, keyQueues).finally(() => {
      isRunning = false;
      start();
    });
  }

  /** @param lockedQueues where items go whose row another transaction has locked, and those after them with the same key */
  async function runBatch(
    batch: Pending<I, O>[],
    attempt: (items: readonly I[]) => Promise<O[]>,
    lockedQueues: KeyQueues<Pending<I, O>> | null,
  ): Promise<void> {
    const free = lockedQueues === null ? batch : batch.filter((pending) => !lockedQueues.tryEnqueue(pending));
    if (free.length === 0) return;
    try {
      const outputs = await attempt(free.map(({ item }) => item));
      if (outputs.length !== free.length) throw new Error(`A batch of ${free.length} had ${outputs.length} outputs.`);
      const locked: Pending<I, O>[] = [];
      free.forEach((pending, i) => {
        if (lockedQueues !== null && perKey?.isLocked?.(outputs[i]!)) locked.push(pending);
        else pending.resolve(outputs[i]!);
      });
      if (locked.length > 0) lockedQueues!.add(locked);
    } catch (error) {
      if (lockedQueues !== null && isLockTimeout(error)) lockedQueues.add(free);
      else if (free.length === 1 || isUnavailable(error)) fail(free, toAppError(error));
      else {
        const half = free.length >> 1;
        await runBatch(free.slice(0, half), attempt, lockedQueues);
        await runBatch(free.slice(half), attempt, lockedQueues);
      }
    }
  }

  function fail(batch: Pending<I, O>[], error: unknown): void {
    for (const { reject } of batch) reject(error);
  }

  return {
    add(item) {
      if (queue.length + (keyQueues?.size ?? 0) >= maxQueue) {
        return Promise.reject(
          new AppError("unavailable", "Too much is waiting to be written. Try again soon.", { retry_after: 1 }),
        );
      }
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        // Not at once, so that what is added together is one batch; which is not its first item's.
        if (queue.length === 1) schedule(() => detached(start));
      });
    },
  };
}

/** Long for another node's batch, which soon ends; short for the other items of this one. */
const LOCK_TIMEOUT_MS = 50;

/**
 * Writes a batch that may wait shortly for rows that others have locked, so that batches of several nodes for the same rows take turns. When
 * that is not enough it is written without the items that need such rows.
 *
 * @param write fails with 55P03 after that many ms; with 0 it does not wait and returns which items it left out
 */
export async function withLockTimeout<T>(write: (waitMs: number) => Promise<T>): Promise<T> {
  try {
    return await write(LOCK_TIMEOUT_MS);
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    return write(0);
  }
}

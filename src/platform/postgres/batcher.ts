import { AppError } from "../errors.ts";
import { asAnswer, isAway } from "./failures.ts";

export interface Batcher<I, O> {
  /**
   * Queues an item and resolves with its own answer. Items are run in the order they were added.
   * Rejects with AppError `unavailable` when the queue is full or the database is away (the outcome is then unknown).
   */
  add(item: I): Promise<O>;
}

interface Options<I, O> {
  /** Runs one batch: all or nothing, safe to repeat. Answers one output per input, in the same order. */
  run(items: readonly I[]): Promise<O[]>;
  /** Most items of one batch. */
  maxBatch?: number;
  /** Most items that may wait; one more is refused. */
  maxQueue?: number;
  /** Batches at a time. With more than one, order between batches is lost: for reads only. */
  inFlight?: number;
}

interface Waiting<I, O> {
  item: I;
  resolve(output: O): void;
  reject(error: unknown): void;
}

/**
 * Group commit without a timer: while one batch is away, whatever is added waits, and all of it (up to `maxBatch`) is the next
 * batch. A batch that fails is run again in halves, in order, until the bad item stands alone and fails only its own caller.
 */
export function createBatcher<I, O>({
  run,
  maxBatch = 512,
  maxQueue = 20_000,
  inFlight = 1,
}: Options<I, O>): Batcher<I, O> {
  const queue: Waiting<I, O>[] = [];
  let running = 0;

  function start(): void {
    while (running < inFlight && queue.length > 0) {
      const batch = queue.splice(0, maxBatch);
      running++;
      void settle(batch).finally(() => {
        running--;
        start();
      });
    }
  }

  async function settle(batch: Waiting<I, O>[]): Promise<void> {
    try {
      const outputs = await run(batch.map(({ item }) => item));
      if (outputs.length !== batch.length) throw new Error(`A batch of ${batch.length} had ${outputs.length} answers.`);
      batch.forEach(({ resolve }, i) => {
        resolve(outputs[i]!);
      });
    } catch (error) {
      if (batch.length === 1 || isAway(error)) {
        const answer = asAnswer(error);
        for (const { reject } of batch) reject(answer);
        return;
      }
      const half = batch.length >> 1;
      await settle(batch.slice(0, half));
      await settle(batch.slice(half));
    }
  }

  return {
    add(item) {
      if (queue.length >= maxQueue) {
        return Promise.reject(new AppError("unavailable", "Too much is waiting to be written. Try again soon."));
      }
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        // After this turn, so that what one turn adds goes together.
        if (queue.length === 1) queueMicrotask(start);
      });
    },
  };
}

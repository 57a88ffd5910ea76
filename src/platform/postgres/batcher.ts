import { outside } from "../context.ts";
import { AppError } from "../errors.ts";
import { asAnswer, isAway, isHeldUp } from "./failures.ts";
import { createLanes, type Lanes } from "./lanes.ts";

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
  /** What to do when `run` fails because somebody else holds a row. Without it all items of that batch are `unavailable`. */
  apart?: Apart<I, O>;
  /** Most items of one batch. */
  maxBatch?: number;
  /** Most items that may wait; one more is refused. */
  maxQueue?: number;
  /** Batches at a time. With more than one, order between batches is lost: for reads only. */
  inFlight?: number;
  /** A clock in ms that never jumps; for tests. */
  now?(): number;
}

interface Apart<I, O> {
  /** Names the row that an item needs. Only items with the same key keep their order then. */
  key(item: I): string;
  /** As the other `run`, for items of one key; it must be able to run beside it, with connections of its own. It waits for the row. */
  run(items: readonly I[]): Promise<O[]>;
  /**
   * For an answer of the other `run` that says: nothing was done of this item, since somebody holds its row just now. So that `run`
   * need not wait for what only some of its items need.
   */
  isHeld?(output: O): boolean;
}

interface Waiting<I, O> {
  item: I;
  resolve(output: O): void;
  reject(error: unknown): void;
}

/**
 * Group commit without a timer: while one batch is away, whatever is added waits, and all of it (up to `maxBatch`) is the next
 * batch. A batch that fails is run again in halves, in order, until the bad item stands alone and fails only its own caller.
 * What somebody's lock holds up is run again key by key beside the others, so a held row costs only those who need it.
 */
export function createBatcher<I, O>({
  run,
  apart,
  maxBatch = 512,
  maxQueue = 20_000,
  inFlight = 1,
  now = () => performance.now(),
}: Options<I, O>): Batcher<I, O> {
  const queue: Waiting<I, O>[] = [];
  let running = 0;
  const lanes = apart
    ? createLanes<Waiting<I, O>>({
        key: ({ item }) => apart.key(item),
        run: (batch) => settle(batch, apart.run, null),
        giveUp: (batch) =>
          fail(batch, new AppError("unavailable", "Another change holds this. Try again soon.", { retry_after: 1 })),
        maxBatch,
        now,
      })
    : null;

  function start(): void {
    while (running < inFlight && queue.length > 0) {
      const batch = queue.splice(0, maxBatch);
      running++;
      void settle(batch, run, lanes).finally(() => {
        running--;
        start();
      });
    }
  }

  /** @param aside where items go that somebody's lock holds up, and those behind them with the same key */
  async function settle(
    batch: Waiting<I, O>[],
    attempt: (items: readonly I[]) => Promise<O[]>,
    aside: Lanes<Waiting<I, O>> | null,
  ): Promise<void> {
    const free = aside === null ? batch : batch.filter((waiting) => !aside.follow(waiting));
    if (free.length === 0) return;
    try {
      const outputs = await attempt(free.map(({ item }) => item));
      if (outputs.length !== free.length) throw new Error(`A batch of ${free.length} had ${outputs.length} answers.`);
      const held: Waiting<I, O>[] = [];
      free.forEach((waiting, i) => {
        if (aside !== null && apart?.isHeld?.(outputs[i]!)) held.push(waiting);
        else waiting.resolve(outputs[i]!);
      });
      if (held.length > 0) aside!.add(held);
    } catch (error) {
      if (aside !== null && isHeldUp(error)) aside.add(free);
      else if (free.length === 1 || isAway(error)) fail(free, asAnswer(error));
      else {
        const half = free.length >> 1;
        await settle(free.slice(0, half), attempt, aside);
        await settle(free.slice(half), attempt, aside);
      }
    }
  }

  function fail(batch: Waiting<I, O>[], error: unknown): void {
    for (const { reject } of batch) reject(error);
  }

  return {
    add(item) {
      if (queue.length + (lanes?.size ?? 0) >= maxQueue) {
        return Promise.reject(
          new AppError("unavailable", "Too much is waiting to be written. Try again soon.", { retry_after: 1 }),
        );
      }
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        // After this turn, so that what one turn adds goes together; a batch is not its first item's.
        if (queue.length === 1) queueMicrotask(() => outside(start));
      });
    },
  };
}

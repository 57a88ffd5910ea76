/** How the requests of one turn, and those that come while a run is under way, become one run of at most `maxBatch`. */
export interface RequestBatching<Ask, Answer> {
  maxBatch: number;
  /** The results in the order of `requests`. Throwing fails all of them. */
  run(asks: readonly Ask[]): Promise<readonly Answer[]>;
  /** Asks with the same key are asked once. */
  key(ask: Ask): string;
}

interface WaitingRequest<Ask, Answer> {
  request: Ask;
  result: Promise<Answer>;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * One run in flight, without a timer: what arrives meanwhile goes into the next one. So a single ask does not wait,
 * and a storm of ten thousand is a few queries.
 */
export function batchRequests<Ask, Answer>(batching: RequestBatching<Ask, Answer>): (ask: Ask) => Promise<Answer> {
  let waiting = new Map<string, WaitingRequest<Ask, Answer>>();
  let running = false;

  async function drain(): Promise<void> {
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, batching.maxBatch);
      if (batch.length === waiting.size) waiting = new Map();
      else for (const [key] of batch) waiting.delete(key);
      try {
        const results = await batching.run(batch.map(([, { request: ask }]) => ask));
        batch.forEach(([, { resolve }], index) => {
          resolve(results[index]!);
        });
      } catch (error) {
        for (const [, { reject }] of batch) reject(error);
      }
    }
    running = false;
  }

  return (ask) => {
    const key = batching.key(ask);
    const same = waiting.get(key);
    if (same !== undefined) return same.result;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    waiting.set(key, { request: ask, result: promise, resolve, reject });
    if (!running) {
      running = true;
      queueMicrotask(() => void drain());
    }
    return promise;
  };
}

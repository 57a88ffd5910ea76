/** How the requests of one turn, and those that come while a run is under way, become one run of up to `maxBatch`. */
export interface RequestBatching<Request, Result> {
  maxBatch: number;
  /** The results in the order of `requests`. Throwing fails all of them. */
  run(requests: readonly Request[]): Promise<readonly Result[]>;
  /** Requests with the same key are run once. */
  key(request: Request): string;
}

interface WaitingRequest<Request, Result> {
  request: Request;
  result: Promise<Result>;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * One run in flight, without a timer: what arrives meanwhile goes into the next one. So a single request does not wait,
 * and ten thousand at once are a few queries.
 */
export function batchRequests<Request, Result>(
  batching: RequestBatching<Request, Result>,
): (request: Request) => Promise<Result> {
  let waiting = new Map<string, WaitingRequest<Request, Result>>();
  let running = false;

  async function drain(): Promise<void> {
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, batching.maxBatch);
      if (batch.length === waiting.size) waiting = new Map();
      else for (const [key] of batch) waiting.delete(key);
      try {
        const results = await batching.run(batch.map(([, { request }]) => request));
        batch.forEach(([, { resolve }], index) => {
          resolve(results[index]!);
        });
      } catch (error) {
        for (const [, { reject }] of batch) reject(error);
      }
    }
    running = false;
  }

  return (request) => {
    const key = batching.key(request);
    const same = waiting.get(key);
    if (same !== undefined) return same.result;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    waiting.set(key, { request, result: promise, resolve, reject });
    if (!running) {
      running = true;
      queueMicrotask(() => void drain());
    }
    return promise;
  };
}

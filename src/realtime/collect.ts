/** How the asks of one turn, and those that come while a run is under way, become one run of at most `most`. */
export interface Collection<Ask, Answer> {
  most: number;
  /** The answers in the order of `asks`. Throwing fails all of them. */
  run(asks: readonly Ask[]): Promise<readonly Answer[]>;
  /** Asks with the same key are asked once. */
  key(ask: Ask): string;
}

interface Waiting<Ask, Answer> {
  ask: Ask;
  answer: Promise<Answer>;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * One run in flight, without a timer: what arrives meanwhile goes into the next one. So a single ask does not wait,
 * and a storm of ten thousand is a few queries.
 */
export function collect<Ask, Answer>(collection: Collection<Ask, Answer>): (ask: Ask) => Promise<Answer> {
  let waiting = new Map<string, Waiting<Ask, Answer>>();
  let running = false;

  async function drain(): Promise<void> {
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, collection.most);
      if (batch.length === waiting.size) waiting = new Map();
      else for (const [key] of batch) waiting.delete(key);
      try {
        const answers = await collection.run(batch.map(([, { ask }]) => ask));
        batch.forEach(([, { resolve }], place) => {
          resolve(answers[place]!);
        });
      } catch (error) {
        for (const [, { reject }] of batch) reject(error);
      }
    }
    running = false;
  }

  return (ask) => {
    const key = collection.key(ask);
    const same = waiting.get(key);
    if (same !== undefined) return same.answer;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    waiting.set(key, { ask, answer: promise, resolve, reject });
    if (!running) {
      running = true;
      queueMicrotask(() => void drain());
    }
    return promise;
  };
}

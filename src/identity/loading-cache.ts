interface Entry<T> {
  value: T;
  /** When it is read again, by `now`. */
  until: number;
}

/**
 * Caches the results of a query by key, and loads keys in batches: all that are requested while one query runs go into the next.
 * `invalidate` is exact on this node: a load in flight is repeated if it returned a value that was invalidated meanwhile, so no
 * caller gets a value from before it. Changes of other nodes are seen after `ttlMs`. A key without a value is not cached, nor is
 * a value that `isCacheable` refuses.
 */
export class LoadingCache<T> {
  readonly #load: (keys: string[]) => Promise<Map<string, T>>;
  readonly #now: () => number;
  readonly #ttlMs: number;
  readonly #maxSize: number;
  readonly #isCacheable: (value: T) => boolean;
  readonly #entries = new Map<string, Entry<T>>();
  #waiting = new Map<string, PromiseWithResolvers<T | undefined>>();
  #running = false;
  /** Invalidations since the load in flight started. */
  #invalidations: ((value: T) => boolean)[] = [];

  /** @param options `now`: ms by a monotonic clock */
  constructor(
    load: (keys: string[]) => Promise<Map<string, T>>,
    options: { now: () => number; ttlMs?: number; maxSize?: number; isCacheable?: (value: T) => boolean },
  ) {
    this.#load = load;
    this.#now = options.now;
    this.#ttlMs = options.ttlMs ?? 10_000;
    this.#maxSize = options.maxSize ?? 2_000;
    this.#isCacheable = options.isCacheable ?? (() => true);
  }

  get(key: string): Promise<T | undefined> {
    const known = this.#entries.get(key);
    if (known && known.until > this.#now()) return Promise.resolve(known.value);
    let waiting = this.#waiting.get(key);
    if (!waiting) {
      waiting = Promise.withResolvers<T | undefined>();
      this.#waiting.set(key, waiting);
      if (!this.#running) void this.#run();
    }
    return waiting.promise;
  }

  /** Removes what matches; a query in flight that returns such a value is repeated. */
  invalidate(matches: (value: T) => boolean): void {
    if (this.#running) this.#invalidations.push(matches);
    for (const [key, { value }] of this.#entries) if (matches(value)) this.#entries.delete(key);
  }

  async #run(): Promise<void> {
    this.#running = true;
    await Promise.resolve(); // callers of this tick join the batch
    while (this.#waiting.size > 0) {
      const batch = this.#waiting;
      this.#waiting = new Map();
      try {
        let found: Map<string, T>;
        do {
          this.#invalidations = [];
          found = await this.#load([...batch.keys()]);
        } while (this.#isInvalidated(found));
        // Without an await since that check: a later invalidation finds the value in the entries.
        for (const [key, { resolve }] of batch) resolve(this.#store(key, found.get(key)));
      } catch (error) {
        for (const { reject } of batch.values()) reject(error);
      }
    }
    this.#running = false;
  }

  /** Only if it is about one of these: while users change all the time, some other is invalidated during every query. */
  #isInvalidated(found: ReadonlyMap<string, T>): boolean {
    const invalidations = this.#invalidations;
    return [...found.values()].some((value) => invalidations.some((matches) => matches(value)));
  }

  #store(key: string, value: T | undefined): T | undefined {
    this.#entries.delete(key);
    if (value !== undefined && this.#isCacheable(value)) {
      this.#entries.set(key, { value, until: this.#now() + this.#ttlMs });
      for (const [old, { until }] of this.#entries) {
        if (this.#entries.size <= this.#maxSize && until > this.#now()) break;
        this.#entries.delete(old);
      }
    }
    return value;
  }
}

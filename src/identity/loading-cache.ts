import { createLoader, type Load } from "../platform/loader.ts";

interface Entry<T> {
  value: T;
  /** When it is read again, by `now`. */
  until: number;
}

/** Keys of one query. */
const MAX_BATCH = 5_000;

/**
 * Caches the results of a query by key, and loads keys in batches, one query at a time.
 * `invalidate` is exact on this node: a load in flight is repeated if it returned a value that was invalidated meanwhile, so no
 * caller gets a value from before it. Changes of other nodes are seen after `ttlMs`. A key without a value is not cached, nor is
 * a value that `isCacheable` refuses.
 */
export class LoadingCache<T> {
  readonly #find: (keys: readonly string[]) => Promise<Map<string, T>>;
  readonly #load: Load<string, T | undefined>;
  readonly #now: () => number;
  readonly #ttlMs: number;
  readonly #maxSize: number;
  readonly #isCacheable: (value: T) => boolean;
  readonly #entries = new Map<string, Entry<T>>();
  /** Invalidations since the query in flight started; null: there is none. */
  #invalidations: ((value: T) => boolean)[] | null = null;

  /** @param options `now`: ms by a monotonic clock */
  constructor(
    find: (keys: readonly string[]) => Promise<Map<string, T>>,
    options: { now: () => number; ttlMs?: number; maxSize?: number; isCacheable?: (value: T) => boolean },
  ) {
    this.#find = find;
    this.#load = createLoader({ read: (keys) => this.#read(keys), toText: (key) => key, maxBatch: MAX_BATCH });
    this.#now = options.now;
    this.#ttlMs = options.ttlMs ?? 10_000;
    this.#maxSize = options.maxSize ?? 2_000;
    this.#isCacheable = options.isCacheable ?? (() => true);
  }

  get(key: string): Promise<T | undefined> {
    const known = this.#entries.get(key);
    return known && known.until > this.#now() ? Promise.resolve(known.value) : this.#load(key);
  }

  /** Removes what matches; a query in flight that returns such a value is repeated. */
  invalidate(matches: (value: T) => boolean): void {
    this.#invalidations?.push(matches);
    for (const [key, { value }] of this.#entries) if (matches(value)) this.#entries.delete(key);
  }

  async #read(keys: readonly string[]): Promise<(T | undefined)[]> {
    let found: Map<string, T>;
    try {
      do {
        this.#invalidations = [];
        found = await this.#find(keys);
      } while (isInvalidated(found, this.#invalidations));
    } finally {
      this.#invalidations = null;
    }
    // Without an await since that check: a later invalidation finds the value in the entries.
    return keys.map((key) => this.#store(key, found.get(key)));
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

/** Only if it is about one of these: while users change all the time, some other is invalidated during every query. */
function isInvalidated<T>(found: ReadonlyMap<string, T>, invalidations: readonly ((value: T) => boolean)[]): boolean {
  return [...found.values()].some((value) => invalidations.some((matches) => matches(value)));
}

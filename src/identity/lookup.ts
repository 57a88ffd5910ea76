interface Entry<T> {
  value: T;
  /** When it is read again, by `now`. */
  until: number;
}

/**
 * Remembers what a query says about a key, and asks for many keys at once: all that come while one query runs go into the
 * next. `forget` is exact on this node: a load that was under way when it was called is asked again if it brought what was to be
 * forgotten, so nobody is told what was true before it. What other nodes change is seen after `ttl`. A key without a value is not
 * remembered, nor is a value that `keeps` says no of.
 */
export class Lookup<T> {
  readonly #load: (keys: string[]) => Promise<Map<string, T>>;
  readonly #now: () => number;
  readonly #ttl: number;
  readonly #size: number;
  readonly #keeps: (value: T) => boolean;
  readonly #entries = new Map<string, Entry<T>>();
  #waiting = new Map<string, PromiseWithResolvers<T | undefined>>();
  #running = false;
  /** What was to be forgotten since the load that is under way began. */
  #forgotten: ((value: T) => boolean)[] = [];

  /** @param options `now`: ms by a clock that nobody sets */
  constructor(
    load: (keys: string[]) => Promise<Map<string, T>>,
    options: { now: () => number; ttl?: number; size?: number; keeps?: (value: T) => boolean },
  ) {
    this.#load = load;
    this.#now = options.now;
    this.#ttl = options.ttl ?? 10_000;
    this.#size = options.size ?? 2_000;
    this.#keeps = options.keeps ?? (() => true);
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

  /** Drops what matches, and has a query that is under way and brings such a value asked again. */
  forget(matches: (value: T) => boolean): void {
    if (this.#running) this.#forgotten.push(matches);
    for (const [key, { value }] of this.#entries) if (matches(value)) this.#entries.delete(key);
  }

  async #run(): Promise<void> {
    this.#running = true;
    await Promise.resolve(); // whoever asks in this tick comes along
    while (this.#waiting.size > 0) {
      const batch = this.#waiting;
      this.#waiting = new Map();
      try {
        let found: Map<string, T>;
        do {
          this.#forgotten = [];
          found = await this.#load([...batch.keys()]);
        } while (this.#isForgotten(found));
        // Without an await since that last look: what is forgotten from here on is in the entries.
        for (const [key, { resolve }] of batch) resolve(this.#remember(key, found.get(key)));
      } catch (error) {
        for (const { reject } of batch.values()) reject(error);
      }
    }
    this.#running = false;
  }

  /** Only if it is about one of these: while people come and go all the time, some other is forgotten during every query. */
  #isForgotten(found: ReadonlyMap<string, T>): boolean {
    const forgotten = this.#forgotten;
    return [...found.values()].some((value) => forgotten.some((matches) => matches(value)));
  }

  #remember(key: string, value: T | undefined): T | undefined {
    this.#entries.delete(key);
    if (value !== undefined && this.#keeps(value)) {
      this.#entries.set(key, { value, until: this.#now() + this.#ttl });
      for (const [old, { until }] of this.#entries) {
        if (this.#entries.size <= this.#size && until > this.#now()) break;
        this.#entries.delete(old);
      }
    }
    return value;
  }
}

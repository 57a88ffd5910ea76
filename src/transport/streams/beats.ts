interface Beating {
  beat(): void;
}

/**
 * Asks each stream for a sign of life once in `ms`, a part of them at a time: no timer per stream, and no burst. Who comes is put
 * into a part and stays in it, so whoever else comes or goes, nobody waits longer. It rests while there are none.
 */
export class Beats {
  readonly #parts = Array.from({ length: PARTS }, () => new Set<Beating>());
  readonly #ms: number;
  #timer: ReturnType<typeof setInterval> | null = null;
  #turn = 0;
  /** Where the next one is put: all parts have about as many. */
  #place = 0;

  constructor(ms: number) {
    this.#ms = ms;
  }

  add(stream: Beating): void {
    this.#parts[this.#place++ % PARTS]!.add(stream);
    this.#timer ??= setInterval(() => this.walk(), this.#ms / PARTS);
  }

  delete(stream: Beating): void {
    for (const part of this.#parts) part.delete(stream);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** The turn of one part. */
  walk(): void {
    for (const stream of this.#parts[this.#turn++ % PARTS]!) stream.beat();
    if (this.#parts.every(({ size }) => size === 0)) this.stop();
  }
}

export const PARTS = 10;

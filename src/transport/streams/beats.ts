/** Walks over all streams once in `ms`, a part at a time: no timer per stream, and no burst. It rests while there are none. */
export class Beats {
  readonly #streams: ReadonlySet<{ beat(): void }>;
  readonly #ms: number;
  #timer: ReturnType<typeof setInterval> | null = null;
  #left: { beat(): void }[] = [];
  #part = 0;

  constructor(streams: ReadonlySet<{ beat(): void }>, ms: number) {
    this.#streams = streams;
    this.#ms = ms;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#walk(), this.#ms / PARTS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#left = [];
    this.#part = 0;
  }

  #walk(): void {
    if (this.#part === 0) {
      if (this.#streams.size === 0) {
        this.stop();
        return;
      }
      this.#left = [...this.#streams];
    }
    const share = Math.ceil(this.#left.length / (PARTS - this.#part));
    for (const stream of this.#left.splice(-share, share)) if (this.#streams.has(stream)) stream.beat();
    this.#part = (this.#part + 1) % PARTS;
  }
}

const PARTS = 10;

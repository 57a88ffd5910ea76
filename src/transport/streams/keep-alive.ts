interface KeepAliveTarget {
  heartbeat(): void;
}

/**
 * Has each stream send a heartbeat once in `ms`, one slot of them at a time: no timer per stream, and no burst. A new one is put
 * into a slot and stays in it, so that whichever others come or go, none waits longer. Its timer stops while there are none.
 */
export class KeepAlive {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<KeepAliveTarget>());
  readonly #ms: number;
  #timer: ReturnType<typeof setInterval> | null = null;
  #nextSlot = 0;
  /** Where the next one is put: all slots have about as many. */
  #nextInsert = 0;

  constructor(ms: number) {
    this.#ms = ms;
  }

  add(stream: KeepAliveTarget): void {
    this.#slots[this.#nextInsert++ % SLOTS]!.add(stream);
    this.#timer ??= setInterval(() => this.heartbeatNextSlot(), this.#ms / SLOTS);
  }

  delete(stream: KeepAliveTarget): void {
    for (const part of this.#slots) part.delete(stream);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Heartbeats of one slot. */
  heartbeatNextSlot(): void {
    for (const stream of this.#slots[this.#nextSlot++ % SLOTS]!) stream.heartbeat();
    if (this.#slots.every(({ size }) => size === 0)) this.stop();
  }
}

export const SLOTS = 10;

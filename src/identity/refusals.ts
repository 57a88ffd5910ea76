import type { Logger } from "./deps.ts";

/** ms between two lines of the log on the same reason: anyone can send any number of bad tokens. */
const TELL_EVERY = 60_000;
/** Maximum number of reasons that are remembered. */
const REASONS_MAX = 100;

/** Logs why tokens are refused; their senders learn the reason only of tokens that this server issued. */
export class Refusals {
  readonly #toldAt = new Map<string, number>();
  readonly #logger: Logger;
  readonly #now: () => number;

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  tell(reason: string): void {
    const now = this.#now();
    if (now - (this.#toldAt.get(reason) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY) return;
    if (this.#toldAt.size >= REASONS_MAX) this.#toldAt.clear();
    this.#toldAt.set(reason, now);
    this.#logger.info({ reason }, "a token was refused");
  }
}

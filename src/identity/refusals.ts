import type { Logger } from "./deps.ts";

/** ms between two lines of the log on the same reason: anybody can send bad tokens, as many as he likes. */
const TELL_EVERY = 60_000;
/** Reasons that are kept in mind. */
const MOST = 100;

/** Tells in the log why tokens of other issuers are refused; their carriers are told only that. */
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
    if (this.#toldAt.size >= MOST) this.#toldAt.clear();
    this.#toldAt.set(reason, now);
    this.#logger.info({ reason }, "a token was refused");
  }
}

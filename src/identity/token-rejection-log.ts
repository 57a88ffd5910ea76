import type { Logger } from "./deps.ts";

/** ms between two log lines with the same reason: any client can send any number of bad tokens. */
const LOG_INTERVAL_MS = 60_000;
/** Maximum number of reasons in memory. */
const MAX_REASONS = 100;

/** Logs why tokens are refused; their senders learn the reason only of tokens that this server issued. */
export class TokenRejectionLog {
  readonly #loggedAt = new Map<string, number>();
  readonly #logger: Logger;
  readonly #now: () => number;

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  log(reason: string): void {
    const now = this.#now();
    if (now - (this.#loggedAt.get(reason) ?? Number.NEGATIVE_INFINITY) < LOG_INTERVAL_MS) return;
    if (this.#loggedAt.size >= MAX_REASONS) this.#loggedAt.clear();
    this.#loggedAt.set(reason, now);
    this.#logger.info({ reason }, "a token was refused");
  }
}

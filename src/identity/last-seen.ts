import { type Batcher, createBatcher } from "../platform/postgres/batcher.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Logger } from "./deps.ts";
import { touchSessions } from "./store/sessions.ts";

/** Maximum age in ms of `last_seen_at` of a session in use. */
const TOUCH_INTERVAL_MS = 5 * 60_000;
/** Maximum sessions of one write. */
const MAX_BATCH = 5_000;

/**
 * Stores that sessions are in use, in parallel with the reads that find them in use: a read waits for no write, and works when the
 * database accepts none. A failure is logged once; the next use tries again.
 */
export class LastSeen {
  readonly #writes: Batcher<string, undefined>;
  readonly #logger: Logger;
  readonly #now: () => number;
  #isFailing = false;

  /** @param sessionTtl ms by which a use extends the session */
  constructor(sql: Sql, sessionTtl: number, logger: Logger, now: () => number) {
    this.#writes = createBatcher({
      run: async (sessions) => {
        await touchSessions(sql, sessions, sessionTtl);
        return sessions.map(() => undefined);
      },
      maxBatch: MAX_BATCH,
    });
    this.#logger = logger;
    this.#now = now;
  }

  recordUse(sessions: readonly { session_id: string; last_seen_at: Date }[]): void {
    for (const { session_id, last_seen_at } of sessions)
      if (this.#now() - last_seen_at.getTime() > TOUCH_INTERVAL_MS) void this.#write(session_id);
  }

  async #write(session: string): Promise<void> {
    try {
      await this.#writes.add(session);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#logger.warn({ err: error }, "the last use of sessions could not be stored");
      this.#isFailing = true;
    }
  }
}

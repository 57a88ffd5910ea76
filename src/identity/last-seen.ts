import type { Sql } from "../platform/postgres/sql.ts";
import type { Logger } from "./deps.ts";
import { touchSessions } from "./store/sessions.ts";

/** Maximum age in ms of `last_seen_at` of a session in use. */
const TOUCH_INTERVAL_MS = 5 * 60_000;

/**
 * Stores that sessions are in use, in parallel with the reads that find them in use: a read waits for no write, and works when the
 * database accepts none. A failure is logged once; the next use tries again.
 */
export class LastSeen {
  readonly #touch: (sessions: readonly string[]) => Promise<void>;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #waiting = new Set<string>();
  #writing = false;
  #failing = false;

  /** @param sessionTtl ms by which a use extends the session */
  constructor(sql: Sql, sessionTtl: number, logger: Logger, now: () => number) {
    this.#touch = (sessions) => touchSessions(sql, sessions, sessionTtl);
    this.#logger = logger;
    this.#now = now;
  }

  recordUse(sessions: readonly { session_id: string; last_seen_at: Date }[]): void {
    for (const { session_id, last_seen_at } of sessions)
      if (this.#now() - last_seen_at.getTime() > TOUCH_INTERVAL_MS) this.#waiting.add(session_id);
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.size > 0) {
      const sessions = [...this.#waiting];
      this.#waiting.clear();
      try {
        await this.#touch(sessions);
        this.#failing = false;
      } catch (error) {
        if (!this.#failing) this.#logger.warn({ err: error }, "the last use of sessions could not be stored");
        this.#failing = true;
      }
    }
    this.#writing = false;
  }
}

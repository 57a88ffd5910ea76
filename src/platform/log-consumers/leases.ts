import type { Sql } from "../postgres/sql.ts";

/** In ms. After a death another node has the lease within `life + renew` and the time of a query: less than 10 s. */
const TIMES = { life: 6_000, renew: 2_000 };

/** Which stored consumers this process owns, by leases in PostgreSQL (docs/log-consumers.md). */
export interface ConsumerLeases {
  /** Tries to take the lease at once, and from then on at each renewal. */
  add(name: string, onChange: () => void): Promise<void>;
  /** False also when the lease could not be renewed in time. */
  isHeld(name: string): boolean;
  /** Gives all leases back, so that other nodes need not wait until they end. */
  stop(): Promise<void>;
}

/** @param onError called with a renewal that failed; it is tried again */
export function createConsumerLeases({
  sql,
  onError,
  times = TIMES,
}: {
  sql: Sql;
  onError: (error: unknown) => void;
  /** Shorter ones, for tests. */
  times?: typeof TIMES;
}): ConsumerLeases {
  const owner = crypto.randomUUID();
  const listeners = new Map<string, () => void>();
  let held = new Set<string>();
  let renewed = 0;
  let renewedAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();

  async function renew(): Promise<void> {
    const [sent, sentAt] = [performance.now(), Date.now()];
    try {
      const rows = await sql<{ name: string }[]>`
        SELECT log_consumers_lease(${owner}, ${[...listeners.keys()]}::text[], ${times.life}) AS name`;
      const before = new Set([...held].filter(isHeld));
      held = new Set(rows.map(({ name }) => name));
      [renewed, renewedAt] = [sent, sentAt];
      for (const [name, onChange] of listeners) if (held.has(name) !== before.has(name)) onChange();
    } catch (error) {
      onError(error);
    }
  }

  // While the machine sleeps, the monotonic clock stands still; the other one has jumped when it wakes.
  function isHeld(name: string): boolean {
    return held.has(name) && performance.now() - renewed < times.life && Date.now() - renewedAt < times.life;
  }

  function renewNext(): Promise<void> {
    running = running.then(renew);
    return running;
  }

  return {
    async add(name, onChange) {
      listeners.set(name, onChange);
      timer ??= setInterval(renewNext, times.renew);
      await renewNext();
    },
    isHeld,
    async stop() {
      clearInterval(timer);
      await running;
      if (held.size === 0) return;
      held = new Set();
      await sql`UPDATE log_consumers SET owner = NULL, leased_until = NULL WHERE owner = ${owner}`.catch(onError);
    },
  };
}

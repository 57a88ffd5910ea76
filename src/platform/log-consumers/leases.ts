import type { Sql } from "../postgres/sql.ts";

/** In ms. After a death another node has the lease within `life + renew` and the time of a query: less than 10 s. */
const TIMES = { life: 6_000, renew: 2_000 };

export interface OwnedConsumer {
  /** False: it is paused, or behind retention. */
  runs: boolean;
  /** Another one when its position was moved by a command. */
  version: number;
}

/** Which stored consumers this process owns, by leases in PostgreSQL (docs/log-consumers.md). */
export interface ConsumerLeases {
  /** Tries to take the lease at once, and from then on at each renewal. `onChange`: what `get` returns has changed. */
  add(name: string, onChange: () => void): Promise<void>;
  /** What this process may do with a consumer; null: another one owns it, or the lease could not be renewed in time. */
  get(name: string): OwnedConsumer | null;
  /** Renews now: a consumer was paused or moved. */
  refresh(): Promise<void>;
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
  let held = new Map<string, OwnedConsumer>();
  let renewed = 0;
  let renewedAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();

  async function renew(): Promise<void> {
    const [sent, sentAt] = [performance.now(), Date.now()];
    try {
      const rows = await sql<(OwnedConsumer & { name: string })[]>`
        SELECT name, runs, version::float8 FROM log_consumers_lease(${owner}, ${[...listeners.keys()]}::text[], ${times.life})`;
      const before = new Map([...listeners.keys()].map((name) => [name, get(name)]));
      held = new Map(rows.map(({ name, runs, version }) => [name, { runs, version }]));
      [renewed, renewedAt] = [sent, sentAt];
      for (const [name, onChange] of listeners) if (!isSame(before.get(name) ?? null, get(name))) onChange();
    } catch (error) {
      onError(error);
    }
  }

  function get(name: string): OwnedConsumer | null {
    // While the machine sleeps, the monotonic clock stands still; the other one has jumped when it wakes.
    const isFresh = performance.now() - renewed < times.life && Date.now() - renewedAt < times.life;
    return isFresh ? (held.get(name) ?? null) : null;
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
    get,
    refresh: renewNext,
    async stop() {
      clearInterval(timer);
      await running;
      if (held.size === 0) return;
      held = new Map();
      await sql`UPDATE log_consumers SET owner = NULL, leased_until = NULL WHERE owner = ${owner}`.catch(onError);
    },
  };
}

function isSame(a: OwnedConsumer | null, b: OwnedConsumer | null): boolean {
  return a?.runs === b?.runs && a?.version === b?.version;
}

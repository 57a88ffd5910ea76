import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "../postgres/sql.ts";

/** This node's number, 0 to 1023, its own as long as `held()`. */
export interface Lease {
  readonly node: number;
  /** False when it could not be renewed for 10 s: another node may soon have the number. */
  held(): boolean;
  /** Stops renewing. The number is not given back at once: it is free for others 35 s later. */
  stop(): Promise<void>;
}

const RENEW_MS = 3_000;
const FENCE_MS = 10_000;
/** Longer than the fence and twice the clock difference below, so that no two holders of a number share a millisecond. */
const FREE_AFTER = "35 seconds";
const MOST_CLOCK_DIFFERENCE_MS = 10_000;

/**
 * Leases a node number by the database's clock and keeps renewing it.
 * @param onError told of a renewal that failed; it is tried again until `stop`
 * @throws Error with a sentence for the operator: clocks too far apart, or all 1,024 numbers taken
 */
export async function leaseNode({
  sql,
  onError,
  now = () => performance.now(),
}: {
  sql: Sql;
  onError: (error: unknown) => void;
  /** A clock in ms that never jumps; for tests. */
  now?: () => number;
}): Promise<Lease> {
  const token = crypto.randomUUID();
  let renewed = now();
  let node = await claim(sql, token);
  let stopped = false;
  let running: Promise<void> = Promise.resolve();

  async function renew(): Promise<void> {
    const sent = now();
    try {
      const rows = await sql`
        UPDATE nodes SET seen_at = clock_timestamp() WHERE id = ${node} AND token = ${token}`;
      if (rows.count === 1) renewed = sent;
      else {
        // We were away for so long that somebody else has the number now: take another.
        node = await claim(sql, token);
        renewed = sent;
      }
    } catch (error) {
      onError(error);
    }
  }

  const timer = setInterval(() => {
    running = running.then(() => (stopped ? undefined : renew()));
  }, RENEW_MS);

  return {
    get node() {
      return node;
    },
    held: () => now() - renewed < FENCE_MS,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}

async function claim(sql: Sql, token: string): Promise<number> {
  const [clocks] = await sql<{ ms: number }[]>`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms`;
  const difference = Math.abs(Date.now() - clocks!.ms);
  if (difference > MOST_CLOCK_DIFFERENCE_MS) {
    throw new Error(
      `The clock of this machine and the database's differ by ${Math.round(difference / 1000)} s. Set both by NTP, then start again.`,
    );
  }
  for (let attempt = 0; attempt < 50; attempt++) {
    // The WHERE of the update is checked under the row's lock, so of two that want one number only one gets it.
    const [row] = await sql<{ id: number }[]>`
      INSERT INTO nodes AS n (id, token, seen_at)
      SELECT g.id, ${token}, clock_timestamp()
      FROM generate_series(0, 1023) AS g(id) LEFT JOIN nodes taken ON taken.id = g.id
      WHERE taken.id IS NULL OR taken.seen_at < clock_timestamp() - ${FREE_AFTER}::interval
      ORDER BY g.id LIMIT 1
      ON CONFLICT (id) DO UPDATE SET token = excluded.token, seen_at = excluded.seen_at
      WHERE n.seen_at < clock_timestamp() - ${FREE_AFTER}::interval
      RETURNING id`;
    if (row) return row.id;
    await sleep(Math.random() * 50);
  }
  throw new Error("All 1,024 node numbers are taken. Stop some nodes, or wait 35 s after they ended.");
}

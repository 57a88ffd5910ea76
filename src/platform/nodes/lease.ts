import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "../postgres/sql.ts";
import { type LiveNode, NodeRegistry, type NodeWatcher } from "./registry.ts";

/** This node's number, 0 to 1023, its own as long as `isHeld()`; and the nodes that live. */
export interface Lease {
  readonly node: number;
  /** False when it could not be renewed for 10 s: another node may soon have the number. */
  isHeld(): boolean;
  /** The nodes that live, this one among them, as read at the last renewal. While the database is unavailable: as it was before. */
  liveNodes(): readonly LiveNode[];
  /** Called when a node appears or is gone: at once after `refresh`, else within a renewal. */
  watch(watcher: NodeWatcher): void;
  /** What this node reports of itself at each renewal from now on. */
  reportState(state: () => NodeState): void;
  /** Renews now: when a node has announced that it comes or goes, or when what this one reports of itself has changed. */
  refresh(): Promise<void>;
  /** Stops renewing, and stores that it leaves. The number is not given back at once: it is free for others 35 s later. */
  stop(): Promise<void>;
}

/** What does not change while a node runs. */
export interface NodeDescription {
  version: string;
  roles: readonly string[];
  host: string;
  /** Where it listens, `host:port`. */
  address: string;
}

export interface NodeState {
  draining: boolean;
  isReceiving: boolean;
  connections: number;
  /** ms since the moment up to which its slowest consumer has seen all of the log. */
  lag: number;
}

/** All in ms. `free` is longer than `fence` and twice the clock difference below, so that no two holders of a number share a ms. */
const TIMES = { renew: 3_000, fence: 10_000, free: 35_000 };
const MAX_CLOCK_DIFFERENCE_MS = 10_000;

export interface LeaseDeps {
  sql: Sql;
  /** Called with a renewal that failed; it is tried again until `stop`. */
  onError: (error: unknown) => void;
  description?: NodeDescription;
  /** A monotonic clock in ms; for tests. */
  now?: () => number;
  /** Shorter ones, for tests. */
  times?: typeof TIMES;
}

const NO_DESCRIPTION: NodeDescription = { version: "", roles: ["all"], host: "", address: "" };
const INITIAL_STATE: NodeState = { draining: false, isReceiving: true, connections: 0, lag: 0 };

/**
 * Leases a node number by the database's clock and keeps renewing it.
 * @throws Error with a message for the operator: clocks too far apart, or all 1,024 numbers taken
 */
export async function leaseNode({
  sql,
  onError,
  description = NO_DESCRIPTION,
  now = () => performance.now(),
  times = TIMES,
}: LeaseDeps): Promise<Lease> {
  const run = crypto.randomUUID();
  const registry = new NodeRegistry();
  let state = () => INITIAL_STATE;
  let renewed = now();
  let renewedAt = Date.now();
  let node = await claim(sql, run, description, times.free);
  let stopped = false;
  let running: Promise<void> = registry.read(sql, times.fence);
  await running;

  async function renew(): Promise<void> {
    if (stopped) return;
    const sent = now();
    const sentAt = Date.now();
    try {
      const { draining, isReceiving, connections, lag } = state();
      const rows = await sql`
        UPDATE nodes SET seen_at = clock_timestamp(), draining = ${draining}, hears = ${isReceiving},
          connections = ${connections}, rss = ${process.memoryUsage.rss()}, lag = ${Math.round(lag)}
        WHERE id = ${node} AND token = ${run}`;
      // Unavailable for so long that another node has the number now: take another.
      if (rows.count === 0) node = await claim(sql, run, description, times.free);
      renewed = sent;
      renewedAt = sentAt;
      await registry.read(sql, times.fence);
    } catch (error) {
      onError(error);
    }
  }

  let busy = false;
  let next: Promise<void> | null = null;
  /** One renewal at a time; a caller that asks while one is under way shares the next, for that one may be older than their change. */
  function renewNext(): Promise<void> {
    next ??= running.then(async () => {
      next = null;
      busy = true;
      await renew().finally(() => {
        busy = false;
      });
    });
    running = next;
    return next;
  }

  const timer = setInterval(() => {
    if (!busy) void renewNext();
  }, times.renew);

  return {
    get node() {
      return node;
    },
    // While the machine sleeps, the monotonic clock stands still; the other one has jumped when it wakes.
    isHeld: () => now() - renewed < times.fence && Date.now() - renewedAt < times.fence,
    liveNodes: () => registry.nodes,
    watch: (watcher) => registry.watch(watcher),
    reportState(next) {
      state = next;
    },
    refresh: renewNext,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
      await sql`UPDATE nodes SET left_at = clock_timestamp() WHERE id = ${node} AND token = ${run}`.catch(onError);
    },
  };
}

async function claim(
  sql: Sql,
  run: string,
  { version, roles, host, address }: NodeDescription,
  free: number,
): Promise<number> {
  const [clocks] = await sql<{ ms: number }[]>`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms`;
  const difference = Math.abs(Date.now() - clocks!.ms);
  if (difference > MAX_CLOCK_DIFFERENCE_MS) {
    throw new Error(
      `The clock of this machine and the database's differ by ${Math.round(difference / 1000)} s. Set both by NTP, then start again.`,
    );
  }
  for (let attempt = 0; attempt < 50; attempt++) {
    // The WHERE of the update is checked under the row's lock, so of two that want one number only one gets it.
    const [row] = await sql<{ id: number }[]>`
      INSERT INTO nodes AS n (id, token, seen_at, version, roles, host, address)
      SELECT g.id, ${run}, clock_timestamp(), ${version}, ${[...roles]}::text[], ${host}, ${address}
      FROM generate_series(0, 1023) AS g(id) LEFT JOIN nodes taken ON taken.id = g.id
      WHERE taken.id IS NULL OR taken.seen_at < clock_timestamp() - ${free}::float8 * interval '1 millisecond'
      ORDER BY g.id LIMIT 1
      ON CONFLICT (id) DO UPDATE SET token = excluded.token, seen_at = excluded.seen_at, version = excluded.version,
        roles = excluded.roles, host = excluded.host, address = excluded.address, started_at = excluded.started_at,
        draining = false, hears = true, connections = 0, rss = 0, lag = 0, left_at = NULL
      WHERE n.seen_at < clock_timestamp() - ${free}::float8 * interval '1 millisecond'
      RETURNING id`;
    if (row) return row.id;
    await sleep(Math.random() * 50);
  }
  throw new Error("All 1,024 node numbers are taken. Stop some nodes, or wait 35 s after they ended.");
}

import { setTimeout as sleep } from "node:timers/promises";
import { Pool, type PoolClient } from "pg";
import type { Sql } from "./sql.ts";
import { createSql } from "./sql-connection.ts";

export interface DatabaseOptions {
  /** Maximum connections of this pool. */
  max?: number;
  /** Shown in pg_stat_activity. */
  name?: string;
  /** Longest time in ms for a transaction or a single statement, 30 s if not said. Null for migrations and seeds: no limit. */
  timeoutMs?: number | null;
  /** Called with every error that PostgreSQL returns. */
  onServerError?: (error: unknown) => void;
}

/** Connections of a pool at this moment, and how many statements or transactions wait for one. */
export interface PoolStats {
  open: number;
  idle: number;
  waiting: number;
}

export interface Database {
  sql: Sql;
  stats(): PoolStats;
  /**
   * Calls `listener` whenever the server was unavailable and responds again, or another server has replaced it.
   * It may be called once too often, never too seldom.
   */
  onReconnect(listener: () => void): void;
  /** Lets running queries end (2 s at most), then closes all connections. */
  close(): Promise<void>;
}

/** Longest wait for a connection, a new one or one that others use, in ms. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Connections that a burst opened are closed after this time: each costs 20 MB. The one used last is used first. */
const IDLE_MS = 60_000;
/** The server cuts what takes too long. When it does not respond for so much longer, in ms, it is frozen or cut off. */
const GRACE_MS = 5_000;
/** What runs may end in this time at a close. */
const CLOSE_TIMEOUT_MS = 2_000;
/** How long the probe whether the server is back may take. */
const PROBE_TIMEOUT_MS = 2_000;

/**
 * Opens a pool on a PostgreSQL URL; a unix socket's folder is written as the host, percent-encoded. Connections are made
 * on first use and again after a loss. With a limit no call waits for ever, whatever becomes of the server.
 */
export function openDatabase(
  url: string,
  { max = 10, name = "usher", timeoutMs = 30_000, onServerError }: DatabaseOptions = {},
): Database {
  const pool = new Pool({
    connectionString: addServerLimits(url, timeoutMs),
    application_name: name,
    max,
    idleTimeoutMillis: IDLE_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ...(timeoutMs === null ? {} : { query_timeout: timeoutMs + GRACE_MS }),
  });
  const clients = new Set<PoolClient>();
  const listeners = new Set<() => void>();
  let closing = false;
  let closed: Promise<void> | null = null;
  let probing = false;
  let startTime: string | null = null;

  pool.on("connect", (client) => {
    clients.add(client);
    client.on("error", () => {}); // its user gets the error from its statement, the pool from its own listener
    startProbe();
  });
  pool.on("remove", (client) => clients.delete(client));
  pool.on("error", startProbe); // an idle connection was lost
  const sql = createSql(pool, startProbe, onServerError);

  function startProbe(): void {
    if (listeners.size > 0 && !probing && !closing) void probe();
  }

  /** A connection was lost or made: perhaps it was only this one, perhaps the server is unavailable or another. Probes until it responds. */
  async function probe(): Promise<void> {
    probing = true;
    for (let wait = 50, failed = false; !closing; wait = Math.min(wait * 2, 2_000)) {
      try {
        const found = await Promise.race([readStartTime(sql), rejectAfterTimeout()]);
        const changed = failed || (startTime !== null && found !== startTime);
        startTime = found;
        if (changed) for (const listener of listeners) listener();
        break;
      } catch {
        failed = true;
        await sleep(wait);
      }
    }
    probing = false;
  }

  async function close(): Promise<void> {
    closing = true;
    void pool.end();
    for (let waited = 0; clients.size > 0 && waited < CLOSE_TIMEOUT_MS; waited += 10) await sleep(10);
    for (const client of clients) void client.end(); // cuts off what still runs
  }

  return {
    sql,
    stats: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    onReconnect(listener) {
      listeners.add(listener);
      if (listeners.size === 1) startProbe();
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

/** The same URL with the limits that the server keeps, in addition to the URL's own. */
export function addServerLimits(url: string, timeoutMs: number | null): string {
  const address = new URL(url);
  if (timeoutMs !== null) {
    // One open transaction holds back every hot row's clean-up, so the application's are short.
    const limits = `-c transaction_timeout=${timeoutMs} -c idle_in_transaction_session_timeout=${Math.ceil(timeoutMs / 3)}`;
    address.searchParams.set("options", `${address.searchParams.get("options") ?? ""} ${limits}`.trim());
  }
  // sslmode means what it means for libpq, as in every other tool that is given this URL.
  if (address.searchParams.has("sslmode")) address.searchParams.set("uselibpqcompat", "true");
  return address.href;
}

/** A probe on a dying connection may stay long without a reply; it must not be the last one. */
async function rejectAfterTimeout(): Promise<never> {
  await sleep(PROBE_TIMEOUT_MS, undefined, { ref: false });
  throw new Error("The database did not respond in time.");
}

/** Distinguishes one run of one server from the next. */
async function readStartTime(sql: Sql): Promise<string> {
  const [row] = await sql<{ life: string }[]>`SELECT pg_postmaster_start_time()::text AS life`;
  return row!.life;
}

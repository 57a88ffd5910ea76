import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { postgres } from "./driver.ts";

export interface DatabaseOptions {
  /** Most connections of this pool. */
  max?: number;
  /** Shown in pg_stat_activity. */
  name?: string;
  /** Whether a statement may run long: true for migrations and seeds. The application's own are cut after 30 s. */
  unlimited?: boolean;
}

export interface Database {
  sql: Sql;
  /**
   * Calls `listener` whenever the server was away and answers again, or another server answers in its place.
   * It may be called once too often, never too seldom.
   */
  onReconnect(listener: () => void): void;
  /** Lets running queries end (2 s at most), then closes all connections. */
  close(): Promise<void>;
}

/** One open transaction holds back every hot row's clean-up, so the application's are short. */
const SHORT_TRANSACTIONS = { idle_in_transaction_session_timeout: 10_000, transaction_timeout: 30_000 };

/** How long the question whether the server is back may take. */
const PATIENCE_MS = 2_000;

/**
 * Opens a pool on a PostgreSQL URL; a unix socket's folder is written as the host, percent-encoded. Connections are made
 * on first use and again after a loss. Values of type bigint come as strings.
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const host = decodeURIComponent(new URL(url).hostname);
  const listeners = new Set<() => void>();
  let closing = false;
  let probing = false;
  let life: string | null = null;

  const sql = postgres(url, {
    ...(host.startsWith("/") ? { host } : {}),
    max: options.max ?? 10,
    // Connections that a burst opened are given back: queries go round all open ones, so that none is idle for long.
    idle_timeout: 60,
    max_lifetime: 120,
    connect_timeout: 10,
    onnotice: () => {},
    backoff: (retries) => Math.min(0.05 * 2 ** retries, 2),
    connection: {
      application_name: options.name ?? "usher",
      ...(options.unlimited ? {} : SHORT_TRANSACTIONS),
    },
    onclose: () => {
      if (listeners.size > 0 && !probing && !closing) void probe();
    },
  });

  /** A connection was lost: perhaps it was only idle, perhaps the server is away. Asks until it answers. */
  async function probe(): Promise<void> {
    probing = true;
    for (let wait = 50, failed = false; !closing; wait = Math.min(wait * 2, 2_000)) {
      try {
        const found = await Promise.race([serverLife(sql), tooLate()]);
        const changed = failed || (life !== null && found !== life);
        life = found;
        if (changed) for (const listener of listeners) listener();
        break;
      } catch {
        failed = true;
        await sleep(wait);
      }
    }
    probing = false;
  }

  return {
    sql,
    onReconnect(listener) {
      listeners.add(listener);
      if (listeners.size === 1 && !probing) void probe();
    },
    close() {
      closing = true;
      return sql.end({ timeout: 2 });
    },
  };
}

/** A question that went out on a dying connection may stay without any answer; it must not be the last one asked. */
async function tooLate(): Promise<never> {
  await sleep(PATIENCE_MS, undefined, { ref: false });
  throw new Error("The database did not answer in time.");
}

/** Tells one run of one server from the next. */
async function serverLife(sql: Sql): Promise<string> {
  const [row] = await sql<{ life: string }[]>`SELECT pg_postmaster_start_time()::text AS life`;
  return row!.life;
}

import postgres, { type Sql } from "postgres";

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
  close(): Promise<void>;
}

/**
 * Opens a pool on a PostgreSQL URL; a unix socket's folder is written as the host, percent-encoded. Connections are made
 * on first use. Values of type bigint come as strings.
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const host = decodeURIComponent(new URL(url).hostname);
  const sql = postgres(url, {
    ...(host.startsWith("/") ? { host } : {}),
    max: options.max ?? 10,
    idle_timeout: 60,
    max_lifetime: null,
    connect_timeout: 10,
    onnotice: () => {},
    backoff: (retries) => Math.min(0.05 * 2 ** retries, 2),
    connection: {
      application_name: options.name ?? "usher",
      ...(options.unlimited ? {} : { idle_in_transaction_session_timeout: 10_000, transaction_timeout: 30_000 }),
    },
  });
  return { sql, close: () => sql.end({ timeout: 5 }) };
}

import type { Config } from "../config/options.ts";
import type { Clock } from "../platform/clock.ts";
import type { Mail } from "../platform/mail.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Transaction } from "../platform/postgres/transaction.ts";
import type { Realtime } from "../realtime/index.ts";

/** The dependencies of identity; wired in app.ts. */
export interface IdentityDeps {
  sql: Sql;
  /** Creates a Snowflake, as decimal text. */
  ids: { next(): string };
  config: Pick<
    Config,
    | "ACCESS_TOKEN_TTL"
    | "SESSION_TTL"
    | "REGISTRATION"
    | "GRPC_TOKEN"
    | "JWT_SECRET"
    | "JWT_ISSUER"
    | "JWT_AUDIENCE"
    | "JWKS_URL"
    | "PUBLIC_URL"
    | "HTTP_PORT"
    | "TLS_CERT_FILE"
  >;
  /** For changes that all nodes must know. */
  transaction: Transaction;
  /** Sockets of an ended session or of a banned person close in the same tick here, and within a second on other nodes. */
  realtime: Pick<Realtime, "callers" | "closeFrom" | "closeSession" | "closeUser" | "updateUser" | "watch">;
  /** Null without SMTP_URL: reset links are then shown on the owner's page. */
  mail: Mail | null;
  clock: Clock;
  /** ms by a monotonic clock: the age of cached values. */
  elapsed: () => number;
  logger: Logger;
}

/** The part of pino that identity uses. No secret, token or address of a person is ever logged. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

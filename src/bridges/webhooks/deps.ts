import type { Registry } from "prom-client";
import type { Clock } from "../../platform/clock.ts";
import type { LogTail } from "../../platform/log/tail.ts";
import type { Sql } from "../../platform/postgres/sql.ts";
import type { Resolve } from "./public-address.ts";

/** The dependencies of webhooks; wired in src/app/start-webhooks.ts. */
export interface WebhookDeps {
  sql: Sql;
  /** Creates a Snowflake, as decimal text. */
  ids: { next(): string };
  tail: Pick<LogTail, "addConsumer">;
  /**
   * Notifies the other nodes that a person has made deliveries due (a test, a redelivery, a changed endpoint); there it ends in
   * `Webhooks.wake`. Left out: their senders find them by their poll, within a second.
   */
  wakeOthers?: () => void;
  /** The epoch of the log. */
  epoch: () => string;
  clock: Clock;
  registry: Registry;
  logger: WebhookLogger;
  version: string;
  /** Whether http and internal addresses are allowed: for development and tests. */
  allowPrivate: boolean;
  /** Replace DNS, the certificate authority and the random numbers; for tests. */
  resolve?: Resolve;
  ca?: string;
  random?: () => number;
}

export interface WebhookLogger {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

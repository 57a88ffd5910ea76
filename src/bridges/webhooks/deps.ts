import type { Registry } from "prom-client";
import type { Clock } from "../../platform/clock.ts";
import type { LogTail } from "../../platform/log/tail.ts";
import type { Sql } from "../../platform/postgres/sql.ts";
import type { Resolve } from "./public-address.ts";

/** What webhooks ask of the house; plugged in src/app/start-webhooks.ts. */
export interface WebhookDeps {
  sql: Sql;
  /** Gives a new Snowflake, as decimal text. */
  ids: { next(): string };
  tail: Pick<LogTail, "addConsumer">;
  /** Tells the other nodes that deliveries are due; they call `wake`. Left out: they poll within a second. */
  wakeOthers?: () => void;
  /** Which life of the log this is. */
  epoch: () => string;
  clock: Clock;
  registry: Registry;
  logger: WebhookLogger;
  version: string;
  /** Whether http and addresses inside are posted to: for development and tests. */
  allowPrivate: boolean;
  /** In the place of DNS, an authority for certificates, and chance; for tests. */
  resolve?: Resolve;
  ca?: string;
  random?: () => number;
}

export interface WebhookLogger {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

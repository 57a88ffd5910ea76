import type { PublicUser } from "../../protocol/objects.ts";
import type { Publish } from "../platform/log/entry.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Transaction } from "../platform/postgres/transaction.ts";
import type { Realtime } from "../realtime/index.ts";

/** The dependencies of chat; wired in app.ts. */
export interface ChatDeps {
  sql: Sql;
  /** For batches of posts, one at a time: a pool of one connection. */
  postSql: Sql;
  transaction: Transaction;
  /** Publishes the entries of a batch of posts, which does not go through `transaction`. */
  publish: Publish;
  /** Creates a Snowflake, as decimal text. */
  ids: { next(): string };
  realtime: Pick<Realtime, "publishEphemeral" | "registerRooms" | "registerCommand">;
  users: UserDirectory;
  /** The epoch of the log; it changes when the database is restored. */
  epoch: () => string;
}

/** People, read by identity: those of `ids` that exist, by id. */
export interface UserDirectory {
  get(ids: readonly string[]): Promise<Map<string, PublicUser>>;
}

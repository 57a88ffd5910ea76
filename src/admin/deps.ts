import type { ChannelType, PublicUser } from "../../protocol/objects.ts";
import type { LiveConfig } from "../config/live-config.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { LiveNode } from "../platform/nodes/registry.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Transaction } from "../platform/postgres/transaction.ts";
import type { Realtime } from "../realtime/index.ts";

/** The dependencies of the admin API; wired in app.ts. */
export interface AdminDeps {
  sql: Sql;
  transaction: Transaction;
  live: LiveConfig;
  realtime: Pick<Realtime, "beginLongResponse" | "closeConnection" | "cluster" | "drain" | "traceFrames" | "watch">;
  /** The nodes of the cluster, this one among them. */
  liveNodes: () => readonly LiveNode[];
  /** This node's number, which can change. */
  node: () => string;
  /** Finds the names of rooms. */
  roomNames: RoomNames;
  logger: Logger;
}

/** Provided by chat and identity. */
export interface RoomNames {
  /** Those of `ids` that exist and that the caller may see; a direct chat has no name. */
  channels(
    caller: UserCaller,
    ids: readonly string[],
  ): Promise<readonly { id: string; name: string | null; type: ChannelType }[]>;
  users(ids: readonly string[]): Promise<ReadonlyMap<string, PublicUser>>;
}

export interface Logger {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

import type { Live } from "../config/live.ts";
import type { HotName } from "../config/options.ts";
import { sweepAudit } from "../platform/audit.ts";
import type { Api } from "../platform/http/api.ts";
import type { LivingNode } from "../platform/nodes/living.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Transaction } from "../platform/postgres/transaction.ts";
import type { Realtime } from "../realtime/index.ts";
import { createNodes } from "./nodes.ts";
import { addAuditLogRoute } from "./routes/audit-log.ts";
import { addNodeRoutes } from "./routes/nodes.ts";
import { addSettingsRoutes } from "./routes/settings.ts";
import { addTraceRoute } from "./routes/traces.ts";
import { createSettings, recordReload } from "./settings.ts";

/** What the admin API asks of the house; plugged in app.ts. */
export interface AdminDeps {
  sql: Sql;
  transaction: Transaction;
  live: Live;
  realtime: Pick<Realtime, "closeConnection" | "cluster" | "drain" | "tap" | "watch">;
  /** The nodes of the cluster, this one among them. */
  living: () => readonly LivingNode[];
  /** This node's number, which may become another one. */
  node: () => string;
  logger: Logger;
}

export interface Logger {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What admins may see and do of the running server. */
export interface Admin {
  /** Takes over the settings that are kept. Before anything listens. */
  start(): Promise<void>;
  routes(api: Api): void;
  /** Writes down which options a reload of this node's environment changed. */
  reloaded(changed: readonly HotName[]): Promise<void>;
  /** Removes acts that are older than AUDIT_RETENTION. */
  sweep(): Promise<void>;
}

export function createAdmin(deps: AdminDeps): Admin {
  const settings = createSettings(deps);
  const nodes = createNodes(deps);
  return {
    async start() {
      nodes.start();
      await settings.start();
    },
    routes(api) {
      addSettingsRoutes(api, settings);
      addAuditLogRoute(api, deps);
      addNodeRoutes(api, deps, nodes);
      addTraceRoute(api, deps);
    },
    reloaded: (changed) => recordReload(deps, changed),
    sweep: () => sweepAudit(deps.sql, deps.live.config.AUDIT_RETENTION),
  };
}

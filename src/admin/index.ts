import type { HotName } from "../config/options.ts";
import { sweepAudit } from "../platform/audit.ts";
import type { Api } from "../platform/http/api.ts";
import type { AdminDeps } from "./deps.ts";
import { createNodes } from "./nodes.ts";
import { addAuditLogRoute } from "./routes/audit-log.ts";
import { addNodeRoutes } from "./routes/nodes.ts";
import { addRoomNamesRoute } from "./routes/room-names.ts";
import { addSettingsRoutes } from "./routes/settings.ts";
import { addTraceRoute } from "./routes/traces.ts";
import { createSettings, recordReload } from "./settings.ts";

/** What admins may see and do of the running server. */
export interface Admin {
  /** Applies the stored settings. Before anything listens. */
  start(): Promise<void>;
  routes(api: Api): void;
  /** Records which options a reload of this node's environment changed. */
  recordReload(changed: readonly HotName[]): Promise<void>;
  /** Removes audit entries that are older than AUDIT_RETENTION. */
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
      addRoomNamesRoute(api, deps);
      addTraceRoute(api, deps);
    },
    recordReload: (changed) => recordReload(deps, changed),
    sweep: () => sweepAudit(deps.sql, deps.live.config.AUDIT_RETENTION),
  };
}

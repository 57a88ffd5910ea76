import type { Sql } from "../platform/postgres/sql.ts";
import type { Hub } from "../realtime/index.ts";
import { createReadiness, type Readiness } from "../transport/http/probes.ts";
import type { Program } from "./program.ts";

/** Whether this node takes requests: for `/ready`, and for the health service of gRPC. */
export function createReadinessOf({ lifecycle }: Program, sql: Sql, hub: Hub): Readiness {
  return createReadiness({
    checks: [{ name: "postgres", vital: true, probe: () => sql`SELECT 1` }],
    draining: () => hub.draining || lifecycle.stopping,
  });
}

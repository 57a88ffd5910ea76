import type { Broker } from "../realtime/broker/broker.ts";
import type { Hub } from "../realtime/doors.ts";
import { createReadiness, type Readiness, type State } from "../transport/http/probes.ts";
import type { PagesOfNode } from "./pages.ts";
import type { Program } from "./program.ts";
import type { Storage } from "./storage.ts";

/**
 * Whether this node takes requests: for `/ready`, and for the health service of gRPC.
 *
 * @param isOpen false until everything listens and the pages are up: HTTP answers before
 */
export function createReadinessOf(
  { config, lifecycle }: Program,
  { sql, writable, isReachable }: Pick<Storage, "sql" | "writable" | "isReachable">,
  broker: Broker,
  hub: Hub,
  pages: PagesOfNode | null,
  isOpen: () => boolean,
): Readiness {
  const onlyPages = config.ROLES.every((role) => role === "web");
  const readiness = createReadiness({
    checks: [
      {
        name: "postgres",
        vital: true,
        async probe() {
          if (!isReachable()) return "away";
          await sql`SELECT 1`;
          return writable.check(sql) ? "ok" : "cannot write";
        },
      },
      {
        name: "broker",
        vital: false,
        async probe() {
          return broker.health() === "ok" ? "ok" : "away";
        },
      },
      ...(pages === null ? [] : [{ name: "pages", vital: onlyPages, probe: () => takeVisitors(pages) }]),
    ],
    unfit: () => (broker.health() === "deaf" ? "this node does not hear the others" : null),
    draining: () => hub.draining || lifecycle.stopping,
  });
  // Nothing is asked before: what was away then would still be told in the first moment in which all is there.
  return async () => (isOpen() ? readiness() : { refusal: "this node is starting", checks: {} });
}

async function takeVisitors(pages: PagesOfNode): Promise<State> {
  return (await pages.ready(0)) ? "ok" : "away";
}

import type { Logger } from "../platform/logger.ts";
import type { Broker } from "../realtime/broker/broker.ts";
import type { Hub } from "../realtime/transport.ts";
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
  { config, lifecycle, logger }: Program,
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
  const open = logged(readiness, logger);
  // Nothing is asked before: what was away then would still be told in the first moment in which all is there.
  return async () => (isOpen() ? open() : { refusal: "this node is starting", checks: {} });
}

/** Writes one line to the log when this node stops taking requests, and one when it takes them again. A drain tells of itself. */
function logged(readiness: Readiness, logger: Logger): Readiness {
  let told: string | null = null;
  return async () => {
    const answer = await readiness();
    if (answer.refusal === told || answer.refusal === "draining") return answer;
    told = answer.refusal;
    if (told === null) logger.info("ready again: /ready is 200");
    else logger.warn({ reason: told }, "not ready: /ready is 503");
    return answer;
  };
}

async function takeVisitors(pages: PagesOfNode): Promise<State> {
  return (await pages.ready(0)) ? "ok" : "away";
}

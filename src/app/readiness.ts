import type { Logger } from "../platform/logger.ts";
import type { Broker } from "../realtime/broker/broker.ts";
import type { Hub } from "../realtime/transport.ts";
import { type CheckState, createReadiness, type Readiness } from "../transport/http/probes.ts";
import type { Program } from "./program.ts";
import type { NodePages } from "./start-pages.ts";
import type { Storage } from "./start-storage.ts";

/**
 * Whether this node takes requests: for `/ready`, and for the health service of gRPC.
 *
 * @param isOpen false until everything listens and the pages are up: HTTP responds before
 */
export function createNodeReadiness(
  { config, lifecycle, logger }: Program,
  { sql, writeProbe, isReachable }: Pick<Storage, "sql" | "writeProbe" | "isReachable">,
  broker: Broker,
  hub: Hub,
  pages: NodePages | null,
  isOpen: () => boolean,
): Readiness {
  const onlyPages = config.ROLES.every((role) => role === "web");
  const readiness = createReadiness({
    checks: [
      {
        name: "postgres",
        isRequired: true,
        async probe() {
          if (!isReachable()) return "away";
          await sql`SELECT 1`;
          return writeProbe.isWritable(sql) ? "ok" : "cannot write";
        },
      },
      {
        name: "broker",
        isRequired: false,
        async probe() {
          return broker.health() === "ok" ? "ok" : "away";
        },
      },
      ...(pages === null ? [] : [{ name: "pages", isRequired: onlyPages, probe: () => checkPages(pages) }]),
    ],
    getUnfitReason: () => (broker.health() === "isolated" ? "this node receives nothing from the others" : null),
    isDraining: () => hub.draining || lifecycle.isStopping,
  });
  const open = logChanges(readiness, logger);
  // No check runs before: its result is cached, and would still be returned in the first moment in which all is there.
  return async () => (isOpen() ? open() : { refusal: "this node is starting", checks: {} });
}

/** Writes one line to the log when this node stops taking requests, and one when it takes them again. A drain has lines of its own. */
function logChanges(readiness: Readiness, logger: Logger): Readiness {
  let loggedReason: string | null = null;
  return async () => {
    const result = await readiness();
    if (result.refusal === loggedReason || result.refusal === "draining") return result;
    loggedReason = result.refusal;
    if (loggedReason === null) logger.info("ready again: /ready is 200");
    else logger.warn({ reason: loggedReason }, "not ready: /ready is 503");
    return result;
  };
}

async function checkPages(pages: NodePages): Promise<CheckState> {
  return (await pages.ready(0)) ? "ok" : "away";
}

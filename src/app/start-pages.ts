import { join } from "node:path";
import type { Logger } from "../platform/logger.ts";
import { createWebProcess } from "../transport/web-process.ts";
import type { Program } from "./program.ts";
import { hasRole } from "./roles.ts";

/** How this node reaches the page process, and it the API. */
export interface NodePages {
  socket: string;
  /** Where this node listens for the page process; left out when another worker does. */
  innerSocket?: string;
  /** Resolves with false when the pages did not come up within `ms`. */
  ready(ms: number): Promise<boolean>;
}

/** How long a start waits for the pages, in ms; a node without them serves everything else. */
const PAGES_TIMEOUT_MS = 20_000;

/** So that the pages are there when Usher says that it is ready. */
export async function waitForPages(pages: Pick<NodePages, "ready">, logger: Logger): Promise<void> {
  if (!(await pages.ready(PAGES_TIMEOUT_MS))) logger.warn("the pages are not up yet; everything else is");
}

/** The process that renders pages: this node's own, the one that its parent runs for all workers, or none without the role. */
export async function startPages({ config, logger, lifecycle, worker }: Program): Promise<NodePages | null> {
  if (!hasRole(config, "web")) return null;
  if (worker !== null) {
    return {
      socket: worker.pages,
      ...(worker.index === 0 && { innerSocket: worker.api }),
      ready: async () => true,
    };
  }
  const web = await lifecycle.start(
    "pages",
    () =>
      createWebProcess({
        program: join(import.meta.dirname, "../../web/server.ts"),
        api: `http://127.0.0.1:${config.HTTP_PORT}`,
        logger: logger.child({ name: "pages" }),
      }),
    (part) => part.stop(),
  );
  web.start();
  return web;
}

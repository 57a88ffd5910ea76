import { join } from "node:path";
import type { Api } from "../platform/http/api.ts";
import { ownOrigins } from "../platform/http/origin.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Authenticate, Hub } from "../realtime/index.ts";
import { createMetricsServer } from "../transport/http/metrics-server.ts";
import { createPages } from "../transport/http/pages.ts";
import { createHttpServer } from "../transport/http/server.ts";
import { createWebProcess } from "../transport/web-process.ts";
import { createWebSocketTransport } from "../transport/websocket/websocket.ts";
import type { Program } from "./program.ts";

/** A stop: sockets are told and closed in waves over this time, then running requests may end. */
const DRAIN_MS = 3_000;
const REQUESTS_MS = 5_000;
/** How long the first answer waits for the page process; after it the port is open and says that pages are starting. */
const PAGES_MS = 10_000;

/** Everything that listens: metrics, pages, HTTP and WebSocket. Answers the port of the latter. */
export async function startDoors(
  { config, logger, lifecycle }: Program,
  api: Api,
  metrics: Metrics,
  hub: Hub,
  authenticate: Authenticate,
): Promise<number> {
  if (config.METRICS_ENABLED) {
    await lifecycle.start(
      "metrics",
      () => createMetricsServer(config, metrics),
      (part) => part.stop(),
    );
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
  const isOwnOrigin = ownOrigins(config);
  const sockets = createWebSocketTransport({
    hub,
    authenticate,
    handshakes: { points: config.HTTP_RATE_LIMIT, seconds: 60 },
    allowAnonymous: config.WS_ALLOW_ANONYMOUS,
    isAllowedOrigin: isOwnOrigin,
    maxFrame: config.WS_MAX_MESSAGE_SIZE,
    logger,
  });
  const server = await lifecycle.start(
    "http",
    () =>
      createHttpServer({
        config,
        api,
        websocket: { upgrade: sockets.upgrade, handler: sockets.websocket },
        pages: createPages({
          socket: web.socket,
          readTimeout: config.HTTP_READ_TIMEOUT,
          writeTimeout: config.HTTP_WRITE_TIMEOUT,
          isOwnOrigin,
        }),
        metrics,
        logger,
        innerSocket: web.innerSocket,
      }),
    (part) => part.stop(REQUESTS_MS),
    REQUESTS_MS + 1_000,
  );
  hub.start((topic, text) => server.bun.publish(topic, text));
  await lifecycle.start(
    "hub",
    () => hub,
    async (part) => {
      await part.drain(DRAIN_MS);
      part.stop();
      metrics.stop();
    },
    DRAIN_MS + 6_000,
  );
  if (!(await web.ready(PAGES_MS))) logger.warn("the pages are not ready yet; the API and the sockets are");
  return server.port;
}

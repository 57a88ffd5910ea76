import { loadConfig } from "../../src/config/load.ts";
import { createApi } from "../../src/platform/http/create-api.ts";
import { IdempotencyKeys } from "../../src/platform/idempotency-keys.ts";
import { createLogger } from "../../src/platform/logger.ts";
import type { HubLimits } from "../../src/realtime/deps.ts";
import { createHttpServer } from "../../src/transport/http/http-server.ts";
import { addSse } from "../../src/transport/sse/stream-route.ts";
import { createStreams } from "../../src/transport/streams/streams.ts";
import { type HubNode, startHubNode } from "./hub-node.ts";

/** A hub node (see there) whose rooms can be followed by SSE at `/api/v1/stream` of a real server. */
export interface SseNode extends HubNode {
  url: string;
}

/** @param keepAliveMs between the keep-alive comments of a stream */
export async function startSseNode(keepAliveMs: number, limits: Partial<HubLimits> = {}): Promise<SseNode> {
  const node = await startHubNode({ limits });
  const config = loadConfig({
    environment: { HTTP_HOST: "127.0.0.1", HTTP_PORT: "0", LOG_LEVEL: "error" },
    dotenv: null,
    readFile: () => "",
  });
  const logger = createLogger(config);
  const streams = createStreams(node.hub, keepAliveMs);
  const api = createApi({
    config,
    logger,
    authenticate: node.authenticate.token,
    authenticateCookie: node.authenticate.cookie,
    idempotency: new IdempotencyKeys(node.sql),
    limits: { address: { points: 1_000_000, seconds: 60 }, caller: { points: 1_000_000, seconds: 60 } },
  });
  addSse(api, {
    streams,
    authenticate: node.authenticate,
    allowAnonymous: true,
    isAllowedOrigin: (origin) => origin === "https://ours.example",
  });
  const server = createHttpServer<undefined>({
    config,
    api,
    metrics: null,
    logger,
    serves: { api: true, sockets: true },
    sharesPort: false,
    websocket: { upgrade: () => new Response("", { status: 426 }), handler: { message: () => {} } },
    pages: null,
  });
  node.hub.start(streams.publish);
  return {
    ...node,
    url: `http://127.0.0.1:${server.port}`,
    async stop() {
      streams.stop();
      await server.stop(0);
      await node.stop();
    },
  };
}

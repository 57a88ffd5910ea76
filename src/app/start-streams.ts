import type { Api } from "../platform/http/api.ts";
import { createOriginCheck } from "../platform/http/origin-check.ts";
import type { Authenticate, Hub } from "../realtime/transport.ts";
import { addSse } from "../transport/sse/stream-route.ts";
import type { Streams } from "../transport/streams/index.ts";
import { createStreams } from "../transport/streams/streams.ts";
import type { Program } from "./program.ts";

/** Clients without a WebSocket: the streams of this node, and SSE as the first way to open one. */
export async function startStreams(
  { config, lifecycle }: Program,
  api: Api,
  hub: Hub,
  authenticate: Authenticate,
): Promise<Streams> {
  const streams = await lifecycle.start(
    "streams",
    () => createStreams(hub),
    (part) => part.stop(),
  );
  addSse(api, {
    streams,
    authenticate,
    get allowAnonymous() {
      return config.WS_ALLOW_ANONYMOUS;
    },
    isAllowedOrigin: createOriginCheck(config),
  });
  return streams;
}

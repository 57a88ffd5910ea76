import type { Chat } from "../chat/index.ts";
import type { Identity } from "../identity/index.ts";
import type { Api } from "../platform/http/api.ts";
import type { Authenticate, Connection } from "../realtime/transport.ts";
import { addDialectRoutes } from "../transport/dialects/dialect-routes.ts";
import { withDialectSockets } from "../transport/dialects/dialect-sockets.ts";
import type { MessageSocket } from "../transport/dialects/message-socket.ts";
import type { WebSocketEndpoint } from "../transport/http/router.ts";
import type { Streams } from "../transport/streams/index.ts";
import type { WebSocketTransport } from "../transport/websocket/websocket.ts";
import type { Program } from "./program.ts";

/** Adds the paths of the first clients to the sockets; returned as a function, since the sockets are made later. */
export type AddDialects = (sockets: WebSocketTransport) => WebSocketEndpoint<Connection | MessageSocket>;

/** The first clients' paths beside our own, unless DIALECTS is off. */
export function addDialects(
  { config, logger }: Program,
  api: Api,
  {
    identity,
    chat,
    streams,
    authenticate,
  }: { identity: Identity; chat: Chat; streams: Streams; authenticate: Authenticate },
): AddDialects {
  if (!config.DIALECTS)
    return (sockets) => ({ upgrade: sockets.upgrade as never, handler: sockets.websocket as never });
  addDialectRoutes(api, { calls: identity.calls, chat });
  return (sockets) => withDialectSockets(sockets, { authenticate, streams, channels: chat.channels, logger });
}

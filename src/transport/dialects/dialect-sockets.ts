import type { Server, WebSocketHandler } from "bun";
import { ANONYMOUS } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { parseBearer } from "../../platform/http/bearer.ts";
import type { Connection } from "../../realtime/transport.ts";
import type { WebSocketEndpoint } from "../http/router.ts";
import type { WebSocketTransport } from "../websocket/websocket.ts";
import { MessageSocket, type MessageSocketDeps } from "./message-socket.ts";

const WEBSOCKET_PATHS = ["/ws", "/v1/ws", "/v1/ws/"];
const MESSAGE_SOCKET_PATH = "/api/message/ws";

type SocketData = Connection | MessageSocket;

/** The sockets of `/ws` under the names that the first clients use too, and those of `/api/message/ws` beside them. */
export function withDialectSockets(
  { upgrade, handshake, websocket }: WebSocketTransport,
  deps: MessageSocketDeps,
): WebSocketEndpoint<SocketData> {
  async function upgradeMessageSocket(request: Request, server: Server<SocketData>, from: string): Promise<boolean> {
    const token = readToken(request);
    const caller = token === null ? null : await deps.authenticate.token(token);
    if (caller !== null && caller.kind !== "user") throw new AppError("forbidden", "This path is for people.");
    if (caller === null) await deps.streams.prepare(ANONYMOUS, from);
    return server.upgrade(request, { data: new MessageSocket(deps, caller, from) });
  }

  return {
    paths: [...WEBSOCKET_PATHS, MESSAGE_SOCKET_PATH],
    upgrade: (request, server, info) =>
      new URL(request.url).pathname === MESSAGE_SOCKET_PATH
        ? handshake(request, info, (from) => upgradeMessageSocket(request, server, from))
        : upgrade(request, server as Server<Connection>, info),
    handler: combineHandlers(websocket),
  };
}

function readToken(request: Request): string | null {
  const inQuery = new URL(request.url).searchParams.get("token");
  if (inQuery !== null) return inQuery;
  const header = request.headers.get("authorization");
  return header === null ? null : (parseBearer(header) ?? "");
}

/** Bun has one handler for all sockets of a server. */
function combineHandlers(hub: WebSocketHandler<Connection>): WebSocketHandler<SocketData> {
  const ours = hub as WebSocketHandler<SocketData>;
  return {
    ...ours,
    open: (ws) => (ws.data instanceof MessageSocket ? ws.data.opened(ws) : ours.open?.(ws)),
    message: (ws, frame) => (ws.data instanceof MessageSocket ? ws.data.received(frame) : ours.message?.(ws, frame)),
    pong: (ws, bytes) => (ws.data instanceof MessageSocket ? ws.data.heartbeatReceived() : ours.pong?.(ws, bytes)),
    ping: (ws, bytes) => (ws.data instanceof MessageSocket ? ws.data.heartbeatReceived() : ours.ping?.(ws, bytes)),
    drain: (ws) => (ws.data instanceof MessageSocket ? ws.data.drained() : ours.drain?.(ws)),
    close: (ws, code, reason) => (ws.data instanceof MessageSocket ? ws.data.closed() : ours.close?.(ws, code, reason)),
  };
}

import type { Server, WebSocketHandler } from "bun";
import { ANONYMOUS } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { bearerOf } from "../../platform/http/bearer.ts";
import type { Connection } from "../../realtime/transport.ts";
import type { WebSocketDoor } from "../http/dispatch.ts";
import type { WebSocketTransport } from "../websocket/websocket.ts";
import { MessageSocket, type MessageSocketDeps } from "./message-socket.ts";

const SOCKETS = ["/ws", "/v1/ws", "/v1/ws/"];
const MESSAGES = "/api/message/ws";

type Data = Connection | MessageSocket;

/** The sockets of `/ws` under the names that the first clients use too, and those of `/api/message/ws` beside them. */
export function withDialectSockets(
  { upgrade, handshake, websocket }: WebSocketTransport,
  deps: MessageSocketDeps,
): WebSocketDoor<Data> {
  async function takeMessages(request: Request, server: Server<Data>, from: string): Promise<boolean> {
    const token = tokenOf(request);
    const caller = token === null ? null : await deps.authenticate.token(token);
    if (caller !== null && caller.kind !== "user") throw new AppError("forbidden", "This path is for people.");
    if (caller === null) await deps.streams.prepare(ANONYMOUS, from);
    return server.upgrade(request, { data: new MessageSocket(deps, caller, from) });
  }

  return {
    paths: [...SOCKETS, MESSAGES],
    upgrade: (request, server, facts) =>
      new URL(request.url).pathname === MESSAGES
        ? handshake(request, facts, (from) => takeMessages(request, server, from))
        : upgrade(request, server as Server<Connection>, facts),
    handler: handlerOfBoth(websocket),
  };
}

function tokenOf(request: Request): string | null {
  const inQuery = new URL(request.url).searchParams.get("token");
  if (inQuery !== null) return inQuery;
  const header = request.headers.get("authorization");
  return header === null ? null : (bearerOf(header) ?? "");
}

/** Bun has one handler for all sockets of a server. */
function handlerOfBoth(hub: WebSocketHandler<Connection>): WebSocketHandler<Data> {
  const ours = hub as WebSocketHandler<Data>;
  return {
    ...ours,
    open: (ws) => (ws.data instanceof MessageSocket ? ws.data.opened(ws) : ours.open?.(ws)),
    message: (ws, frame) => (ws.data instanceof MessageSocket ? ws.data.received(frame) : ours.message?.(ws, frame)),
    pong: (ws, bytes) => (ws.data instanceof MessageSocket ? ws.data.alive() : ours.pong?.(ws, bytes)),
    ping: (ws, bytes) => (ws.data instanceof MessageSocket ? ws.data.alive() : ours.ping?.(ws, bytes)),
    drain: (ws) => (ws.data instanceof MessageSocket ? ws.data.drained() : ours.drain?.(ws)),
    close: (ws, code, reason) => (ws.data instanceof MessageSocket ? ws.data.closed() : ours.close?.(ws, code, reason)),
  };
}

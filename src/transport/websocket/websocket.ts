import type { Server, WebSocketHandler } from "bun";
import { addressKey } from "../../platform/address.ts";
import { AppError } from "../../platform/errors.ts";
import type { RequestInfo } from "../../platform/http/api.ts";
import { problemResponse } from "../../platform/http/problem.ts";
import { createRateLimiter, type RateLimit, rateLimitedError } from "../../platform/http/rate-limiter.ts";
import { toAppError } from "../../platform/postgres/database-errors.ts";
import type { Connection, Hub } from "../../realtime/transport.ts";
import { type CredentialRules, readCredentials } from "./credentials.ts";

export interface WebSocketTransportDeps extends CredentialRules {
  hub: Hub;
  /** Handshakes of one address, good and bad ones. */
  handshakes: RateLimit;
  /** Handshakes of all clients on this node. */
  connects: RateLimit;
  /** Bytes of one inbound frame; a longer one closes its connection with 1009. */
  maxFrame: number;
  logger: { error(fields: object, message: string): void };
}

export interface WebSocketTransport {
  /** For `GET /ws`: undefined when the connection was upgraded, else the refusal. */
  upgrade(
    request: Request,
    server: Server<Connection>,
    info: Pick<RequestInfo, "address" | "host" | "requestId">,
  ): Promise<Response | undefined>;
  /**
   * The checks of every handshake, on any path: is it one, are there too many. `upgradeSocket` upgrades it, and returns false when
   * that cannot be done; `from` is the key that its handshakes count under. Undefined: upgraded; else the refusal.
   */
  handshake(
    request: Request,
    info: Pick<RequestInfo, "address" | "requestId">,
    upgradeSocket: (from: string) => Promise<boolean>,
  ): Promise<Response | undefined>;
  /** For Bun.serve. */
  websocket: WebSocketHandler<Connection>;
}

/** More unsent bytes than this, and Bun cuts the socket: a frame that it drops would be a hole. The hub closes slow readers long before. */
const BACKPRESSURE_LIMIT = 1_048_576;

/** WebSockets of Bun.serve in front of the hub. After the server listens: `hub.start(server.publish)`. */
export function createWebSocketTransport(deps: WebSocketTransportDeps): WebSocketTransport {
  const { hub } = deps;
  const addressLimiter = createRateLimiter(deps.handshakes);
  const nodeLimiter = createRateLimiter(deps.connects);

  const handshake: WebSocketTransport["handshake"] = async (request, { address, requestId }, upgradeSocket) => {
    try {
      if (!isHandshake(request)) throw new AppError("malformed", "This path takes WebSocket connections only.");
      const from = addressKey(address);
      const { allowed, retryAfter } = addressLimiter(from);
      if (!allowed) throw rateLimitedError(retryAfter);
      if (!nodeLimiter("").allowed)
        throw new AppError("unavailable", "Too many clients connect at once.", { retry_after: 1 });
      if (hub.draining) throw new AppError("unavailable", "This server is about to stop. Connect again.");
      if (await upgradeSocket(from)) return undefined;
      throw new AppError("malformed", "This is not a WebSocket handshake that can be completed.");
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error instanceof AppError) return problemResponse(error, requestId);
      deps.logger.error({ err: error, request_id: requestId }, "a WebSocket handshake failed");
      return problemResponse(new AppError("internal"), requestId);
    }
  };

  return {
    handshake,
    upgrade: (request, server, info) =>
      handshake(request, info, async (from) => {
        const { caller, protocol } = await readCredentials(request, info.host, deps);
        await hub.prepare(caller, from);
        const headers = protocol === null ? undefined : { "Sec-WebSocket-Protocol": protocol };
        return server.upgrade(request, { data: hub.connect(caller, from), headers });
      }),
    websocket: {
      perMessageDeflate: false,
      // The hub has a heartbeat of its own: Bun's never ends a dead client that frames are sent to.
      idleTimeout: 0,
      sendPings: false,
      backpressureLimit: BACKPRESSURE_LIMIT,
      closeOnBackpressureLimit: true,
      maxPayloadLength: deps.maxFrame,
      open: (ws) => hub.opened(ws.data, ws),
      message: (ws, frame) => hub.received(ws.data, frame),
      pong: (ws) => hub.keepAlive(ws.data),
      ping: (ws) => hub.keepAlive(ws.data),
      drain: (ws) => hub.drained(ws.data),
      close: (ws) => hub.closed(ws.data),
    },
  };
}

/**
 * What the runtime does not check: a proxy takes a request without `Connection: Upgrade`, or with a body, for no handshake, and
 * would go on with HTTP where we speak WebSocket.
 */
function isHandshake({ headers }: Request): boolean {
  const words = (name: string) => (headers.get(name) ?? "").toLowerCase().split(/[\s,]+/);
  const hasBody = headers.has("transfer-encoding") || (headers.get("content-length") ?? "0") !== "0";
  return words("upgrade").includes("websocket") && words("connection").includes("upgrade") && !hasBody;
}

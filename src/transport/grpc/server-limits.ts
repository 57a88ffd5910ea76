import type { ServerHttp2Session } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { ConnectionLimiter } from "./connection-limiter.ts";
import { onHttp2Server } from "./grpc-js-internals.ts";
import { ENHANCE_YOUR_CALM, IncompleteRequests } from "./incomplete-requests.ts";

/** Connections of HTTP/2 at once. */
const MAX_CONNECTIONS = 4_096;

/**
 * Pings in a while that a client may send without a call in between. Clients that keep a connection alive send one in ten
 * seconds, and those that measure the connection send one with each burst of calls; the HTTP/2 server itself ends only what is a flood
 * (as it does for resets, headers and streams).
 */
const PINGS = { max: 60, ms: 60_000 };

const TOO_MANY_PINGS = Buffer.from("too_many_pings");

/** Limits that the library does not have: connections, requests that do not come whole, and pings. */
export function limitServer(server: Server): void {
  const connectionLimiter = new ConnectionLimiter(MAX_CONNECTIONS);
  const incompleteRequests = new IncompleteRequests();
  onHttp2Server(server, (httpServer) => {
    httpServer.on("session", (session) => {
      connectionLimiter.add(session);
      session.on("stream", (stream) => incompleteRequests.add(stream));
      limitPings(session);
    });
  });
}

function limitPings(session: ServerHttp2Session): void {
  let pings = 0;
  let since = performance.now();
  session.on("ping", () => {
    const now = performance.now();
    if (now - since > PINGS.ms) {
      pings = 0;
      since = now;
    }
    pings += 1;
    if (pings !== PINGS.max + 1) return;
    session.goaway(ENHANCE_YOUR_CALM, 0, TOO_MANY_PINGS);
    // Not cut: calls that are under way end as they would.
    session.close();
  });
  session.on("stream", () => {
    pings = 0;
  });
}

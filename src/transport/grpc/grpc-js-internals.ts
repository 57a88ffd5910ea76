import type { Http2Server, ServerHttp2Stream } from "node:http2";
import type { ListenOptions } from "node:net";
import type { Server, ServerWritableStream } from "@grpc/grpc-js";

/**
 * The private parts of @grpc/grpc-js that we use, because its public interface shows neither its HTTP/2 sessions nor its streams
 * (docs/adr/0013-grpc-js.md). No other file uses any. Each function throws when its part is not there.
 */

/** The version whose private parts were read and tested; the installed one must be this one. */
export const TESTED_VERSION = "1.14.7";

/**
 * Calls `listener` with each HTTP/2 server that `server` makes, before it listens.
 *
 * @throws Error when the library makes them elsewhere
 */
export function onHttp2Server(server: Server, listener: (httpServer: Http2Server) => void): void {
  const internals = server as unknown as { createHttp2Server?(credentials: unknown): Http2Server };
  const create = internals.createHttp2Server?.bind(server);
  if (create === undefined) throw missing("Server.createHttp2Server");
  internals.createHttp2Server = (credentials) => {
    const httpServer = create(credentials);
    listener(httpServer);
    return httpServer;
  };
}

/** Lets other processes of this machine listen on the port of `server`: the library's own way to listen has no option for it. */
export function sharePort(server: Server): void {
  onHttp2Server(server, (httpServer) => {
    const listen = httpServer.listen.bind(httpServer) as (address: ListenOptions, listening: () => void) => Http2Server;
    const shared: typeof listen = (address, listening) => listen({ ...address, reusePort: true }, listening);
    httpServer.listen = shared as Http2Server["listen"];
  });
}

/**
 * The HTTP/2 stream of a call, to reset it: a status waits after the data that the client does not read.
 *
 * @throws Error when the library has it elsewhere
 */
export function getHttp2Stream(call: ServerWritableStream<unknown, unknown>): ServerHttp2Stream {
  const { stream } = (call as unknown as { call?: { stream?: ServerHttp2Stream } }).call ?? {};
  if (typeof stream?.close !== "function") throw missing("the stream of a call");
  return stream;
}

function missing(part: string): Error {
  return new Error(
    `@grpc/grpc-js has changed: ${part} is not where it is in ${TESTED_VERSION}. See docs/adr/0013-grpc-js.md.`,
  );
}

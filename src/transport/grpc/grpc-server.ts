import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { StartError } from "../../config/start-error.ts";
import type { Tls } from "../../platform/tls.ts";
import type { ServerApi } from "../../server-api/index.ts";
import type { Streams } from "../streams/index.ts";
import { type Accounts, createAuthMethods } from "./auth-methods.ts";
import { type CallsDeps, createCalls } from "./call.ts";
import { getService, loadDefinition, loadDescriptors } from "./definition.ts";
import { sharePort } from "./grpc-js-internals.ts";
import { createHealth } from "./health.ts";
import { createRealtimeMethods } from "./realtime-methods.ts";
import { RenewableCredentials } from "./renewable-credentials.ts";
import { limitServer } from "./server-limits.ts";
import { createSubscribe } from "./subscribe.ts";

/**
 * Maximum bytes of a message that comes in: a payload has 64 KiB, and a Subscribe of 1,000 rooms 132 KiB. It is parsed before the
 * caller is known, and one of many empty fields takes longest.
 */
const MAX_MESSAGE_BYTES = 196_608;

const OPTIONS = {
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": 4_194_304,
  "grpc.max_concurrent_streams": 1_000,
  // A client that is gone without a close is detected in this time; a live one replies by itself.
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 20_000,
  // Its statistics cost time in each call, and are not read.
  "grpc.enable_channelz": 0,
};

const REALTIME = ["realtime.RealtimeService", "realtime.v1.RealtimeService"];
const AUTH = "auth.AuthService";
const HEALTH = "grpc.health.v1.Health";

export interface GrpcDeps extends CallsDeps {
  host: string;
  port: number;
  /** Whether other processes of this machine listen on the same port. */
  sharesPort: boolean;
  /** The certificate to show; null: no TLS of our own. */
  tls: Tls | null;
  services: ServerApi;
  accounts: Accounts;
  streams: Streams;
  isReady: () => Promise<boolean>;
}

/** The gRPC server: our services under their names, health and reflection. */
export async function createGrpcServer(deps: GrpcDeps) {
  // The library prints metadata that it cannot read, tokens of callers among it, and errors that it tells us anyway.
  setLogVerbosity(logVerbosity.NONE);
  const definition = loadDefinition();
  const server = new Server(OPTIONS);
  limitServer(server);
  if (deps.sharesPort) sharePort(server);
  const unary = createCalls(deps);
  const subscribe = createSubscribe(deps);
  const realtime = { ...createRealtimeMethods(deps.services, unary), Subscribe: subscribe.method };
  for (const name of REALTIME) server.addService(getService(definition, name), realtime);
  server.addService(getService(definition, AUTH), createAuthMethods(deps.accounts, unary));
  const health = createHealth([...REALTIME, AUTH], deps.isReady);
  server.addService(getService(definition, HEALTH), health.methods);
  // Of a definition it reads the descriptors only.
  const descriptors = { fileDescriptorProtos: loadDescriptors(), type: {} };
  new ReflectionService({ all: { format: "Protocol Buffer 3 EnumDescriptorProto", ...descriptors } }).addToServer(
    server,
  );
  const host = deps.host.includes(":") ? `[${deps.host}]` : deps.host;
  const credentials = deps.tls === null ? ServerCredentials.createInsecure() : new RenewableCredentials(deps.tls);
  const port = await listen(server, `${host}:${deps.port}`, credentials);

  return {
    port,
    /** Takes no more calls, lets those end that are under way, and after `ms` cuts off what is left. */
    async stop(ms: number): Promise<void> {
      health.stop();
      subscribe.stop();
      const late = setTimeout(() => server.forceShutdown(), ms);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(late);
    },
  };
}

function listen(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error) reject(new StartError(`gRPC cannot listen on ${address}. ${suggestFix(error.message)}`));
      else resolve(port);
    });
  });
}

/** The library reports errors of the system only as text. */
function suggestFix(message: string): string {
  if (message.includes("EADDRINUSE")) return "Another program does: stop it, or choose another port by GRPC_PORT.";
  if (message.includes("EACCES")) return "This user may not: choose a GRPC_PORT over 1023.";
  if (message.includes("EADDRNOTAVAIL")) return "This machine has no such address: correct GRPC_HOST.";
  return message;
}

import { isLoopback } from "../config/load.ts";
import type { Config } from "../config/options.ts";
import type { Identity } from "../identity/index.ts";
import { createIdempotencyStore } from "../platform/http/idempotency-store.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { ServerApi } from "../server-api/index.ts";
import { createDoor } from "../transport/grpc/door.ts";
import { createGrpcServer } from "../transport/grpc/server.ts";
import { createAsker } from "../transport/http/facts.ts";
import type { Readiness } from "../transport/http/probes.ts";
import type { Streams } from "../transport/streams/index.ts";
import type { AddressCounters } from "./limits.ts";
import type { Program } from "./program.ts";
import { hasRole } from "./roles.ts";

/** At a stop, calls that are under way may take this long to end. */
const CALLS_MS = 5_000;

export interface GrpcParts {
  sql: Sql;
  services: ServerApi;
  identity: Identity;
  streams: Streams;
  metrics: Metrics;
  readiness: Readiness;
  addresses: AddressCounters;
}

/** The gRPC server, on nodes that answer other services. */
export async function startGrpc(program: Program, parts: GrpcParts): Promise<void> {
  const { config, logger, lifecycle, worker, tls, tracing } = program;
  if (!hasRole(config, "api") && !hasRole(config, "edge")) return;
  const { sql, services, identity, streams, metrics, readiness, addresses } = parts;
  const host = grpcHost(config);
  const door = createDoor({
    services,
    open: isLoopback(host) && config.GRPC_TOKEN === null,
    behindProxies: createAsker(config),
    isBanned: (address) => identity.isBanned(address),
    count: addresses.requests,
  });
  const server = await lifecycle.start(
    "grpc",
    () =>
      createGrpcServer({
        host,
        port: config.GRPC_PORT,
        sharesPort: worker !== null,
        door,
        tracing,
        tls,
        services,
        accounts: identity,
        streams,
        idempotency: createIdempotencyStore(sql),
        isReady: async () => (await readiness()).refusal === null,
        answered: metrics.called,
        failed: metrics.failed,
        defect: (err, method) => logger.error({ err, method }, "a defect in a gRPC call"),
      }),
    (part) => part.stop(CALLS_MS),
    CALLS_MS + 1_000,
  );
  logger.info({ host, port: server.port }, "gRPC is ready");
  if (isLoopback(host) && config.GRPC_HOST === null) {
    logger.info("gRPC answers on this machine only; to open it, set GRPC_HOST=0.0.0.0 and a GRPC_TOKEN");
  }
}

/** Where gRPC listens: on this machine only, as long as everything else is embedded here too. */
export function grpcHost({ GRPC_HOST, DATABASE_URL }: Pick<Config, "GRPC_HOST" | "DATABASE_URL">): string {
  return GRPC_HOST ?? (DATABASE_URL === null ? "127.0.0.1" : "0.0.0.0");
}

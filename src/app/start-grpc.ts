import { isLoopback } from "../config/address-list.ts";
import type { Config } from "../config/options.ts";
import type { Identity } from "../identity/index.ts";
import { IdempotencyKeys } from "../platform/idempotency-keys.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { ServerApi } from "../server-api/index.ts";
import { createCallAuthenticator } from "../transport/grpc/call-authenticator.ts";
import { createGrpcServer } from "../transport/grpc/grpc-server.ts";
import type { Readiness } from "../transport/http/probes.ts";
import { createResolveClient } from "../transport/http/request-info.ts";
import type { Streams } from "../transport/streams/index.ts";
import type { AddressLimiters } from "./node-limits.ts";
import type { Program } from "./program.ts";
import { hasRole } from "./roles.ts";

/** At a stop, calls that are under way may take this long to end. */
const CALLS_TIMEOUT_MS = 5_000;

export interface GrpcDeps {
  sql: Sql;
  services: ServerApi;
  identity: Identity;
  streams: Streams;
  metrics: Metrics;
  readiness: Readiness;
  addresses: AddressLimiters;
}

/** The gRPC server, on nodes that serve other back ends. */
export async function startGrpc(program: Program, parts: GrpcDeps): Promise<void> {
  const { config, logger, lifecycle, worker, tls, tracing } = program;
  if (!hasRole(config, "api") && !hasRole(config, "edge")) return;
  const { sql, services, identity, streams, metrics, readiness, addresses } = parts;
  const host = getGrpcHost(config);
  const authenticator = createCallAuthenticator({
    callers: services.callers,
    trustsLoopback: isLoopback(host) && config.GRPC_TOKEN === null,
    resolveClient: createResolveClient(config),
    isBanned: (address) => identity.isBanned(address),
    limiters: { token: services.requests, address: addresses.requests },
  });
  const server = await lifecycle.start(
    "grpc",
    () =>
      createGrpcServer({
        host,
        port: config.GRPC_PORT,
        sharesPort: worker !== null,
        authenticator,
        tracing,
        tls,
        services,
        accounts: identity,
        streams,
        idempotency: new IdempotencyKeys(sql),
        isReady: async () => (await readiness()).refusal === null,
        onResponse: metrics.observeCall,
        onError: metrics.countError,
        onDefect: (err, method) => logger.error({ err, method }, "a defect in a gRPC call"),
      }),
    (part) => part.stop(CALLS_TIMEOUT_MS),
    CALLS_TIMEOUT_MS + 1_000,
  );
  logger.info({ host, port: server.port }, "gRPC is ready");
  if (isLoopback(host) && config.GRPC_HOST === null) {
    logger.info("gRPC listens on this machine only; to open it, set GRPC_HOST=0.0.0.0 and a GRPC_TOKEN");
  }
}

/** Where gRPC listens: on this machine only, as long as everything else is embedded here too. */
export function getGrpcHost({ GRPC_HOST, DATABASE_URL }: Pick<Config, "GRPC_HOST" | "DATABASE_URL">): string {
  return GRPC_HOST ?? (DATABASE_URL === null ? "127.0.0.1" : "0.0.0.0");
}

import type { IssuedSessions } from "../identity/index.ts";
import type { ServiceCaller } from "../platform/caller.ts";
import { systemClock } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";
import { createRateLimiter } from "../platform/http/rate-limiter.ts";
import type { Publish } from "../platform/log/entry.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Transaction } from "../platform/postgres/transaction.ts";
import type { Hub } from "../realtime/transport.ts";
import type { ServerApi } from "../server-api/index.ts";
import { createServerApi } from "../server-api/server-api.ts";
import { requestsPerService, type ShareLimit } from "./node-limits.ts";
import type { Program } from "./program.ts";
import type { Log } from "./start-log.ts";

export interface ServerApiStartDeps {
  sql: Sql;
  batchSql: Sql;
  log: Log;
  hub: Hub;
  publish: Publish;
  transaction: Transaction;
  metrics: Metrics;
  share: ShareLimit;
  issuedSessions: IssuedSessions;
}

/** The API of other teams' back ends, for all transports. */
export async function startServerApi(program: Program, parts: ServerApiStartDeps): Promise<ServerApi> {
  const { config, lifecycle, onError } = program;
  const { sql, batchSql, log, hub, publish, transaction, metrics, share, issuedSessions } = parts;
  return lifecycle.start(
    "server API",
    () =>
      createServerApi({
        sql,
        batchSql,
        transaction,
        publish,
        ids: log.ids,
        realtime: hub,
        issuedSessions,
        cluster: hub.cluster,
        tail: log.tail,
        metrics,
        staticToken: config.GRPC_TOKEN,
        requests: createRateLimiter(requestsPerService(config, share("requests of services"))),
        source: config.PUBLIC_URL ?? `http://localhost:${config.HTTP_PORT}`,
        maxWaitMs: (config.HTTP_WRITE_TIMEOUT * 2) / 3,
        now: () => systemClock.now(),
        onError,
      }),
    (part) => part.stop(),
  );
}

/** The service that a socket's or stream's token belongs to; throws `forbidden` without the scope for it. */
export async function authenticateSubscriber(services: ServerApi, token: string): Promise<ServiceCaller> {
  const caller = await services.callers.authenticate(token);
  if (!caller.scopes.includes("subscribe")) {
    throw new AppError("forbidden", "This token does not have the scope subscribe.");
  }
  return caller;
}

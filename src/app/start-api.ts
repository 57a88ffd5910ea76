import type { Admin } from "../admin/index.ts";
import type { Webhooks } from "../bridges/webhooks/index.ts";
import type { Chat } from "../chat/index.ts";
import type { Identity } from "../identity/index.ts";
import { systemClock } from "../platform/clock.ts";
import type { Api } from "../platform/http/api.ts";
import { createApi } from "../platform/http/create-api.ts";
import { IdempotencyKeys } from "../platform/idempotency-keys.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { ServerApi } from "../server-api/index.ts";
import { addDocs } from "../transport/http/docs.ts";
import { addMeta } from "../transport/http/meta.ts";
import { addProbes, type Readiness } from "../transport/http/probes.ts";
import { addProtos } from "../transport/http/protos.ts";
import { type AddressLimiters, requestsPerMinute, requestsPerService, type ShareLimit } from "./node-limits.ts";
import type { Program } from "./program.ts";
import { hasRole } from "./roles.ts";
import { VERSION } from "./version.ts";

const SWEEP_MS = 3_600_000;
/** Soon after a start: an earlier release may have left work to be done. */
const FIRST_SWEEP_MS = 10_000;

interface StartApiDeps {
  sql: Sql;
  metrics: Metrics;
  readiness: Readiness;
  identity: Identity;
  chat: Chat;
  admin: Admin;
  services: ServerApi;
  webhooks: Webhooks;
  share: ShareLimit;
  addresses: AddressLimiters;
}

/** The REST API with the routes of all modules; on workers also the hourly removal of what has expired. */
export async function startApi(
  { config, logger, lifecycle, onError }: Program,
  { sql, metrics, readiness, identity, chat, admin, services, webhooks, share, addresses }: StartApiDeps,
): Promise<Api> {
  const idempotency = new IdempotencyKeys(sql);
  const api = createApi({
    config,
    logger,
    authenticate: (token) =>
      services.callers.isServiceToken(token)
        ? services.callers.authenticate(token)
        : identity.authenticate(token, "api"),
    findCachedService: (token) => services.callers.findCached(token),
    addressLimiter: addresses.requests,
    serviceLimiter: services.requests,
    authenticateCookie: (header) => identity.authenticateCookie(header),
    idempotency,
    onError: metrics.countError,
    limits: {
      address: addresses.limit,
      caller: requestsPerMinute(config, 1 / 5, share("requests of people")),
      service: requestsPerService(config),
    },
  });
  addProbes(api, readiness);
  addMeta(api, {
    config,
    version: VERSION,
    features: ["chat"],
    clock: systemClock,
    registration: (isLocal) => identity.registration(isLocal),
  });
  identity.routes(api);
  chat.routes(api);
  admin.routes(api);
  services.routes(api);
  webhooks.routes(api);
  addDocs(api, VERSION);
  addProtos(api);
  if (!hasRole(config, "worker")) return api;
  await lifecycle.start(
    "sweep",
    () => {
      const sweep = () =>
        void Promise.all([identity.sweep(), chat.sweep(), idempotency.sweep(), admin.sweep()]).catch(onError);
      return { first: setTimeout(sweep, FIRST_SWEEP_MS), others: setInterval(sweep, SWEEP_MS) };
    },
    ({ first, others }) => {
      clearTimeout(first);
      clearInterval(others);
    },
  );
  return api;
}

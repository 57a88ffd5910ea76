import type { Admin } from "../admin/index.ts";
import type { Webhooks } from "../bridges/webhooks/index.ts";
import type { Chat } from "../chat/index.ts";
import type { Identity } from "../identity/index.ts";
import { systemClock } from "../platform/clock.ts";
import type { Api } from "../platform/http/api.ts";
import { createApi } from "../platform/http/create-api.ts";
import type { IdempotencyKeys } from "../platform/idempotency-keys.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { ServerApi } from "../server-api/index.ts";
import { addDocs } from "../transport/http/docs.ts";
import { addMeta } from "../transport/http/meta.ts";
import { addProbes, type Readiness } from "../transport/http/probes.ts";
import { addProtos } from "../transport/http/protos.ts";
import { type AddressLimiters, requestsPerMinute, requestsPerService, type ShareLimit } from "./node-limits.ts";
import type { Program } from "./program.ts";
import { VERSION } from "./version.ts";

interface NodeApiDeps {
  idempotency: IdempotencyKeys;
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

/** The REST API with the routes of all modules. */
export function createNodeApi(
  { config, logger }: Program,
  { idempotency, metrics, readiness, identity, chat, admin, services, webhooks, share, addresses }: NodeApiDeps,
): Api {
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
  return api;
}

import type { Api } from "../../platform/http/api.ts";
import { createDeliveries, type Deliveries } from "./deliveries.ts";
import { DeliverySender } from "./delivery-sender.ts";
import type { WebhookDeps } from "./deps.ts";
import { createEndpoints, type Endpoints } from "./endpoints.ts";
import { LIMITS } from "./limits.ts";
import { createWebhookMetrics } from "./metrics.ts";
import { createPost } from "./post.ts";
import { createRecorder } from "./recorder.ts";
import { addDeliveryRoutes } from "./routes/deliveries.ts";
import { addEndpointRoutes } from "./routes/endpoints.ts";
import { countParked } from "./store/parked.ts";
import { revisePayloadsByUser } from "./store/recording.ts";
import { countPending } from "./store/sweeping.ts";
import { sweep } from "./sweep.ts";

export type { WebhookDeps } from "./deps.ts";

/** Entries of the log, posted to other systems (Standard Webhooks 1.0). Any node manages them; some deliver. */
export interface Webhooks {
  endpoints: Endpoints;
  deliveries: Deliveries;
  /** Mounts the REST routes. */
  routes(api: Api): void;
  /** Starts to deliver on this node. */
  start(): Promise<void>;
  /** Deliveries may be due: this node polls now, if it delivers. */
  wake(): void;
  /** Stops it: attempts in flight get 2 s, and are then released to the other nodes. */
  stop(): Promise<void>;
  /** Removes what has passed its retention. Run it every hour. */
  sweep(): Promise<void>;
  /** Removes a person's name and messages from what is stored here. Call it after identity's and chat's erasure, which redact the log. */
  erase(userId: string): Promise<void>;
}

export function createWebhooks(deps: WebhookDeps): Webhooks {
  const { sql, tail, epoch, logger, registry, version } = deps;
  const metrics = createWebhookMetrics(registry, {
    pending: () => countPending(sql, null, LIMITS.backlog),
    parked: () => countParked(sql),
  });
  const sender = new DeliverySender({ ...deps, post: createPost(deps), metrics, userAgent: `Usher/${version}` });
  const wakeLocal = () => sender.wake();
  const wake = () => {
    sender.wake();
    deps.wakeOthers?.();
  };
  const endpoints = createEndpoints({ ...deps, wake });
  const deliveries = createDeliveries({ sql, wake });

  return {
    endpoints,
    deliveries,
    routes(api) {
      addEndpointRoutes(api, endpoints, deliveries);
      addDeliveryRoutes(api, deliveries);
    },
    async start() {
      await tail.addConsumer({
        name: "webhooks",
        from: "stored",
        handle: createRecorder({ sql, epoch, onRecorded: wakeLocal, logger }),
      });
      sender.start();
    },
    stop: () => sender.stop(),
    wake: wakeLocal,
    sweep: () => sweep(sql, logger),
    erase: (userId) => revisePayloadsByUser(sql, userId),
  };
}

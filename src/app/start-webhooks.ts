import { createWebhooks, type Webhooks } from "../bridges/webhooks/index.ts";
import { systemClock } from "../platform/clock.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Broker } from "../realtime/broker/broker.ts";
import type { Program } from "./program.ts";
import { hasRole } from "./roles.ts";
import type { Log } from "./start-log.ts";
import { VERSION } from "./version.ts";

/** What nodes send each other when an admin has made a delivery due. */
const DUE = "webhooks:due";

/** Webhooks: managed on every node, delivered by those that are workers. */
export async function startWebhooks(
  { config, logger, lifecycle }: Program,
  sql: Sql,
  { ids, epoch, tail }: Log,
  { registry }: Metrics,
  broker: Broker,
): Promise<Webhooks> {
  const webhooks = createWebhooks({
    sql,
    ids,
    tail,
    wakeOthers: () => broker.send(DUE, null),
    epoch: () => epoch.current(),
    clock: systemClock,
    registry,
    logger: logger.child({ name: "webhooks" }),
    version: VERSION,
    allowPrivate: config.WEBHOOKS_ALLOW_PRIVATE,
  });
  if (hasRole(config, "worker")) {
    broker.on(DUE, () => webhooks.wake());
    await lifecycle.start(
      "webhooks",
      () => webhooks.start(),
      () => webhooks.stop(),
    );
  }
  return webhooks;
}

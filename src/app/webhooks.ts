import { createWebhooks, type Webhooks } from "../bridges/webhooks/index.ts";
import { systemClock } from "../platform/clock.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Log } from "./log.ts";
import type { Program } from "./program.ts";
import { hasRole } from "./roles.ts";
import { VERSION } from "./version.ts";

/** Webhooks: managed on every node, delivered by those that are workers. */
export async function startWebhooks(
  { config, logger, lifecycle }: Program,
  sql: Sql,
  { ids, epoch, tail }: Log,
  { registry }: Metrics,
): Promise<Webhooks> {
  const webhooks = createWebhooks({
    sql,
    ids,
    tail,
    epoch: () => epoch.current(),
    clock: systemClock,
    registry,
    logger: logger.child({ name: "webhooks" }),
    version: VERSION,
    allowPrivate: config.WEBHOOKS_ALLOW_PRIVATE,
  });
  if (hasRole(config, "worker")) {
    await lifecycle.start(
      "webhooks",
      () => webhooks.start(),
      () => webhooks.stop(),
    );
  }
  return webhooks;
}

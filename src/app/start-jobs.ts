import type { Admin } from "../admin/index.ts";
import type { Webhooks } from "../bridges/webhooks/index.ts";
import type { Chat } from "../chat/index.ts";
import type { Identity } from "../identity/index.ts";
import type { IdempotencyKeys } from "../platform/idempotency-keys.ts";
import { countJobs, createJobMetrics } from "../platform/jobs/job-metrics.ts";
import { createJobs, type Jobs } from "../platform/jobs/jobs.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { JobQueue } from "../platform/postgres/transaction.ts";
import type { Broker } from "../realtime/broker/broker.ts";
import type { Program } from "./program.ts";
import { hasRole } from "./roles.ts";
import type { Log } from "./start-log.ts";
import type { Storage } from "./start-storage.ts";

/** What nodes send each other when jobs are committed; the payload is their names. */
const DUE = "jobs:due";

/** The jobs, not started, and where transactions add them. */
export function openJobs(
  { logger, onError }: Program,
  { sql, databaseUrl }: Storage,
  { registry }: Metrics,
  broker: Broker,
): { jobs: Jobs; queue: JobQueue } {
  const jobs = createJobs({
    databaseUrl,
    logger: logger.child({ name: "jobs" }),
    metrics: createJobMetrics(registry, () => countJobs(sql)),
    onError,
  });
  broker.on(DUE, (names) => jobs.wake(names as string[]));
  return {
    jobs,
    queue: {
      enqueue: jobs.enqueue,
      wake(names) {
        jobs.wake(names);
        broker.send(DUE, names);
      },
    },
  };
}

interface Swept {
  log: Log;
  identity: Identity;
  chat: Chat;
  idempotency: IdempotencyKeys;
  admin: Admin;
  webhooks: Webhooks;
}

/** Starts the jobs: workers run them, all nodes can add them. What has expired is removed every hour, by one node. */
export async function startJobs(
  { config, lifecycle }: Program,
  jobs: Jobs,
  { log, identity, chat, idempotency, admin, webhooks }: Swept,
): Promise<void> {
  jobs.define("sweep-log", { cron: "3 * * * *", run: () => log.retain() });
  jobs.define("sweep-identity", { cron: "13 * * * *", run: () => identity.sweep() });
  jobs.define("sweep-chat", { cron: "23 * * * *", run: () => chat.sweep() });
  jobs.define("sweep-idempotency-keys", { cron: "33 * * * *", run: () => idempotency.sweep() });
  jobs.define("sweep-audit", { cron: "43 * * * *", run: () => admin.sweep() });
  jobs.define("sweep-webhooks", { cron: "53 * * * *", run: () => webhooks.sweep() });
  await lifecycle.start(
    "jobs",
    () => jobs.start(hasRole(config, "worker")),
    () => jobs.stop(),
  );
}

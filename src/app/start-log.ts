import { hostname } from "node:os";
import { systemClock } from "../platform/clock.ts";
import { createEpoch } from "../platform/log/epoch.ts";
import { runRetentionPass } from "../platform/log/retention.ts";
import { createLogTail } from "../platform/log/tail.ts";
import { createIds } from "../platform/nodes/ids.ts";
import { leaseNode } from "../platform/nodes/lease.ts";
import type { Program } from "./program.ts";
import type { Storage } from "./start-storage.ts";
import { VERSION } from "./version.ts";

export type Log = Awaited<ReturnType<typeof startLog>>;

/** The parts of the log: this node's lease and ids, a first pass of retention, the epoch, the tail. */
export async function startLog({ config, logger, lifecycle, onError }: Program, { sql, leaseSql, tailSql }: Storage) {
  const lease = await lifecycle.start(
    "node lease",
    () =>
      leaseNode({
        sql: leaseSql,
        onError,
        description: {
          version: VERSION,
          roles: config.ROLES,
          host: hostname(),
          address: `${hostname()}:${config.HTTP_PORT}`,
        },
      }),
    (part) => part.stop(),
  );
  const retain = async () => {
    const limits = { retentionMs: config.LOG_RETENTION, maxBytes: config.LOG_MAX_BYTES };
    const { blocked, behindRetention } = await runRetentionPass(sql, limits);
    if (blocked) logger.warn(blocked, "a partition of the log stays because a consumer lags");
    for (const consumer of behindRetention)
      logger.error({ consumer }, "a log consumer is behind retention: entries that it has not seen are gone");
  };
  await retain(); // the next writer finds a partition
  const epoch = await createEpoch(sql);
  const tail = await lifecycle.start(
    "log tail",
    () =>
      createLogTail({
        sql: tailSql,
        leaseSql,
        epoch,
        onError: (error, consumer) =>
          logger.error({ err: error, consumer }, "the log could not be followed; tried again"),
        onParked: ({ entry: { room, seq, type }, attempts, error }, consumer) =>
          logger.error(
            { err: error, consumer, room, seq, type, attempts },
            "a log consumer failed at an entry; it was parked",
          ),
      }),
    (part) => part.stop(),
  );
  return { lease, node: String(lease.node), ids: createIds({ lease, clock: systemClock }), epoch, tail, retain };
}

import { setTimeout as sleep } from "node:timers/promises";
import type { Lease } from "../platform/nodes/lease.ts";
import type { Hub } from "../realtime/transport.ts";
import type { ServerApi } from "../server-api/index.ts";
import type { Program } from "./program.ts";

/** ms in which a balancer that polls `/ready` sees that this node leaves, and sends no more here. */
const NOTICE_MS = 1_000;
/** How long connections that do not reply to the close may delay the drain: the hub's grace, and one cycle of checks. */
const NO_REPLY_MS = 6_000;

/**
 * The last part to start, and so the first of a stop (SPEC DR-1): the other nodes and the balancers are notified; a client that connects meanwhile is
 * still served; then connections are closed. What serves single requests stops after it.
 */
export async function startDrain(
  { config, lifecycle, logger }: Program,
  lease: Lease,
  hub: Hub,
  services: Pick<ServerApi, "endLongPolls">,
): Promise<void> {
  const noticeMs = Math.min(NOTICE_MS, config.DRAIN_TIME);
  await lifecycle.start(
    "connections",
    () => hub,
    async () => {
      const { connections } = hub.counts();
      logger.info({ connections }, "draining: connections are asked to reconnect");
      await giveNotice(lease, noticeMs);
      services.endLongPolls();
      await hub.drain(config.DRAIN_TIME);
      logger.info({ connections }, "left: no connection is open any more");
    },
    noticeMs + config.DRAIN_TIME + NO_REPLY_MS,
  );
}

/** Resolves after `ms`, or at once when there is no other node. */
async function giveNotice(lease: Lease, ms: number): Promise<void> {
  const notice = sleep(ms);
  // The database may be unavailable.
  await Promise.race([lease.refresh(), notice]);
  if (lease.liveNodes().some(({ node, draining }) => node !== lease.node && !draining)) await notice;
}

import { drainConnections } from "./connections/drain-connections.ts";
import type { HubDeps } from "./deps.ts";
import { createHubParts } from "./hub-parts.ts";
import { ROOM_IDLE_MS } from "./limits/fixed-limits.ts";
import type { Hub } from "./transport.ts";

/** The hub of this node. Its methods are those of its parts (hub-parts.ts); only what concerns several of them is written here. */
export function createHub(deps: HubDeps): Hub {
  const { self, rooms, internal, policies, connections, tracer, sender, ephemeral, repair, presence, ...others } =
    createHubParts(deps);
  const { countNodes, admission, closer, checker, longResponses, callers, lifecycle, cluster, dispatcher, receiver } =
    others;
  let sweep: ReturnType<typeof setInterval> | null = null;

  return {
    start(...broadcasts) {
      sender.start(broadcasts);
      checker.start();
      presence.start();
      sweep ??= setInterval(() => rooms.evictIdle(), ROOM_IDLE_MS);
    },
    async stop() {
      longResponses.stop();
      tracer.stop();
      checker.stop();
      repair.stop();
      await presence.stop();
      if (sweep !== null) clearInterval(sweep);
      sweep = null;
    },
    get draining() {
      return self.draining;
    },
    drain: (ms) =>
      drainConnections({ self, sender, closer, countNodes, limits: deps.limits, connections: connections.open }, ms),
    renumber(node) {
      self.node = node;
    },
    changeEpoch(epoch) {
      if (epoch === self.epoch) return;
      self.epoch = epoch;
      callers.closeAll("draining");
      rooms.clear();
      internal.interrupted().catch((error: unknown) => {
        deps.logger.error({ err: error }, "changes of other nodes could not be read; they are read when needed");
      });
    },
    async compareHeads() {
      await Promise.all([internal.interrupted(), repair.compareHeads(rooms.all())]);
    },

    publish: rooms.ingest,
    publishEphemeral: ephemeral.publish,
    publishText: ephemeral.publishText,
    isAwaiting: rooms.isAwaiting,
    needs: rooms.needs,
    announce: rooms.announce,
    watch: internal.watch,

    registerRooms: policies.register,
    authorize: policies.requireAccess,
    presence: presence.getFor,
    presenceHealth: presence.getHealth,
    registerCommand: dispatcher.register,

    closeSession: callers.closeSession,
    closeUser: callers.closeUser,
    closeConnection: callers.closeConnection,
    closeFrom: callers.closeFrom,
    closeWhere: callers.closeWhere,
    endService: callers.endService,
    updateUser: callers.updateUser,
    callers: callers.listUsers,
    beginLongResponse: longResponses.begin,
    counts: connections.counts,
    cluster,
    traceFrames: tracer.trace,

    prepare: admission.prepare,
    connect: lifecycle.connect,
    opened: lifecycle.opened,
    received: receiver.receive,
    admitFrame: receiver.admitFrame,
    receiveCommand: receiver.receiveCommand,
    keepAlive: receiver.receivePing,
    streamAlive: receiver.recordActivity,
    drained: lifecycle.drained,
    closed: lifecycle.closed,
  };
}

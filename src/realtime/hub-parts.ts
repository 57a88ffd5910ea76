import { createLocalBroker } from "./broker/local-broker.ts";
import { createClusterQueries } from "./cluster/cluster-queries.ts";
import { Callers } from "./connections/callers.ts";
import { CommandDispatcher } from "./connections/command-dispatcher.ts";
import { ConnectionChecker } from "./connections/connection-checker.ts";
import { ConnectionCloser } from "./connections/connection-closer.ts";
import { ConnectionLifecycle, type NodeState } from "./connections/connection-lifecycle.ts";
import { ConnectionRegistry } from "./connections/connection-registry.ts";
import { countFrames } from "./connections/count-frames.ts";
import { FrameReceiver } from "./connections/frame-receiver.ts";
import { FrameSender } from "./connections/frame-sender.ts";
import { registerHubCommands } from "./connections/hub-commands.ts";
import { LongResponses } from "./connections/long-responses.ts";
import { UserConnections } from "./connections/user-connections.ts";
import type { HubDeps } from "./deps.ts";
import { Admission } from "./limits/admission.ts";
import { InboundRateLimiter } from "./limits/inbound-rate-limiter.ts";
import { HubPresence } from "./presence/hub-presence.ts";
import { createMemoryPresence } from "./presence/memory-store.ts";
import { PRESENCE_TIMES } from "./presence/times.ts";
import { Joins } from "./recovery/join.ts";
import { Repair } from "./recovery/repair.ts";
import { EphemeralPublisher } from "./rooms/ephemeral.ts";
import { expel, recheckAccess } from "./rooms/expel.ts";
import { InternalRooms } from "./rooms/internal-rooms.ts";
import { Policies } from "./rooms/policies.ts";
import { RoomRegistry } from "./rooms/room-registry.ts";
import { FrameTracer } from "./tracing/frame-tracer.ts";

export type HubParts = ReturnType<typeof createHubParts>;

/** Creates the parts of a node's hub and connects them. Where two need each other, one is called through a closure. */
export function createHubParts(deps: HubDeps) {
  const { log, logger, clock, limits, authenticate } = deps;
  const broker = deps.broker ?? createLocalBroker();
  const countNodes = deps.nodes ?? (() => 1);
  const self: NodeState = { node: deps.node, epoch: deps.epoch, draining: false };
  const epoch = () => self.epoch;
  const frames = { sent: 0, received: 0 };
  const metrics = countFrames(deps.metrics, frames);
  const shared = { limits, clock, logger, metrics, authenticate, epoch };

  // Rooms and connections.
  const userConnections = new UserConnections();
  const tracer = new FrameTracer(broker, userConnections, () => self.node);
  const sender = new FrameSender(metrics, userConnections, tracer);
  const policies = new Policies();
  const internal = new InternalRooms((error) =>
    logger.error({ err: error }, "an entry of an internal room could not be handled; its state is read again"),
  );
  const rooms: RoomRegistry = new RoomRegistry(
    {
      onFrame: sender.publishToRoom,
      onPublished(room, entry) {
        const expelled = policies.findExpelled(entry);
        if (expelled !== null) expel({ rooms, connections, sender }, room.name, expelled);
      },
      onGap: (room) => repair.scheduleFill(room),
    },
    {
      joined: (connection, room) => presence.joined(connection, room),
      left: (connection, room) => presence.left(connection, room),
    },
    internal,
    userConnections,
  );
  const connections = new ConnectionRegistry(rooms);
  const { open } = connections;

  const ephemeral = new EphemeralPublisher({ broker, connections, rooms, sender, policies });
  const repair = new Repair({
    ...shared,
    log,
    isOpen: (room) => rooms.get(room.name) === room,
    broadcast: sender.publishToRoom,
    onSkipped: (room) => void recheckAccess({ rooms, connections, sender, policies }, room),
  });
  const presence: HubPresence = new HubPresence({
    ...shared,
    rooms,
    policies,
    sender,
    connections: open,
    store: deps.presence ?? createMemoryPresence(),
    times: deps.presenceTimes ?? PRESENCE_TIMES,
  });

  // Admission, checks, callers.
  const countElsewhere = (keys: readonly string[]) => cluster.countElsewhere(keys);
  const admission = new Admission(userConnections, limits, { countNodes, countElsewhere });
  const closer = new ConnectionCloser(sender, metrics);
  const checker = new ConnectionChecker(open, limits, closer, sender, metrics, clock);
  const longResponses = new LongResponses(authenticate, clock);
  const onRenamed = (userId: string) => presence.renamed(userId);
  const callers = new Callers({ connections, userConnections, closer, longResponses, limits, onRenamed });
  const lifecycle = new ConnectionLifecycle({ ...shared, connections, rooms, admission, closer, sender, self });
  const cluster = createClusterQueries({
    broker,
    rooms,
    admission,
    frames,
    connections: open,
    counts: connections.counts,
    startedAt: clock.now(),
    node: () => Number(self.node),
  });

  // Incoming frames.
  const formatId = ({ id }: { id: number }) => `${self.node}-${id}`;
  const dispatcher = new CommandDispatcher(sender, metrics, logger, deps.tracing, formatId);
  const rateLimiter = new InboundRateLimiter(limits, broker, countNodes);
  const receiver = new FrameReceiver({ limits, metrics, rateLimiter, closer, sender, tracer, dispatcher });
  const { roomsPerConnection } = limits;
  const joins = new Joins({ ...shared, rooms, sender, policies, log, roomsPerConnection, watch: presence.watch });
  registerHubCommands({ ...shared, rooms, sender, dispatcher, joins, lifecycle, admission, cluster });

  return {
    self,
    countNodes,
    rooms,
    internal,
    policies,
    connections,
    tracer,
    sender,
    ephemeral,
    repair,
    presence,
    admission,
    closer,
    checker,
    longResponses,
    callers,
    lifecycle,
    cluster,
    dispatcher,
    receiver,
  };
}

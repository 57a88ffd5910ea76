import { AppError } from "../platform/errors.ts";
import { createLocalBroker } from "./broker/local-broker.ts";
import { createClusterQueries } from "./cluster/cluster-queries.ts";
import { createLocalStats } from "./cluster/local-stats.ts";
import { CommandDispatcher } from "./connections/command-dispatcher.ts";
import type { Connection } from "./connections/connection.ts";
import { ConnectionCloser } from "./connections/connection-closer.ts";
import { ConnectionLifecycle, type NodeState } from "./connections/connection-lifecycle.ts";
import { ConnectionRegistry } from "./connections/connection-registry.ts";
import { countFrames } from "./connections/count-frames.ts";
import { drainConnections } from "./connections/drain-connections.ts";
import { FrameReceiver } from "./connections/frame-receiver.ts";
import { FrameSender } from "./connections/frame-sender.ts";
import { Heartbeat } from "./connections/heartbeat.ts";
import { registerHubCommands } from "./connections/hub-commands.ts";
import { LongResponses } from "./connections/long-responses.ts";
import { getReconnectWindow } from "./connections/reconnect-window.ts";
import type { HubDeps } from "./deps.ts";
import { Admission } from "./limits/admission.ts";
import { ROOM_IDLE_MS } from "./limits/fixed-limits.ts";
import { InboundRateLimiter } from "./limits/inbound-rate-limiter.ts";
import { HubPresence } from "./presence/hub-presence.ts";
import { createMemoryPresence } from "./presence/memory-store.ts";
import { PRESENCE_TIMES } from "./presence/times.ts";
import { Joins } from "./recovery/join.ts";
import { Repair } from "./recovery/repair.ts";
import { EphemeralPublisher } from "./rooms/ephemeral.ts";
import { expel, recheckAccess } from "./rooms/expel.ts";
import { FanOut } from "./rooms/fan-out.ts";
import { InternalRooms, isInternal } from "./rooms/internal-rooms.ts";
import { Policies } from "./rooms/policies.ts";
import type { Room } from "./rooms/room.ts";
import { RoomRegistry } from "./rooms/room-registry.ts";
import { FrameTracer } from "./tracing/frame-tracer.ts";
import type { Hub } from "./transport.ts";

/** The hub of this node: connects the parts of this folder, and calls the right one for each method. */
export function createHub(deps: HubDeps): Hub {
  const { log, logger, clock, limits, authenticate } = deps;
  const broker = deps.broker ?? createLocalBroker();
  const countNodes = deps.nodes ?? (() => 1);
  const self: NodeState = { node: deps.node, epoch: deps.epoch, draining: false };
  const epoch = () => self.epoch;
  const formatConnectionId = ({ id }: { id: number }) => `${self.node}-${id}`;
  const frames = { sent: 0, received: 0 };
  const metrics = countFrames(deps.metrics, frames);

  // Connections and rooms.
  const policies = new Policies();
  const sender = new FrameSender(metrics);
  const rooms: RoomRegistry = new RoomRegistry(
    {
      onFrame: (room, type, frame) => fanOut.publishToRoom(room, type, frame),
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
  );
  const connections: ConnectionRegistry = new ConnectionRegistry(rooms);
  const open = connections.open;

  // Outgoing frames.
  const tracer = new FrameTracer(broker, rooms.userConnections, () => self.node);
  sender.tracer = tracer;
  const fanOut = new FanOut({ rooms, sender, tracer, metrics });
  const ephemeral = new EphemeralPublisher({ broker, connections, rooms, sender, fanOut });
  const repair = new Repair({
    log,
    metrics,
    logger,
    epoch,
    isOpen: (room) => rooms.get(room.name) === room,
    broadcast: (room, type, frame) => fanOut.publishToRoom(room, type, frame),
    onSkipped: (room) => void recheckAccess({ rooms, connections, sender, policies }, room),
  });
  const internal = new InternalRooms((error) =>
    logger.error({ err: error }, "an entry of an internal room could not be handled; its state is read again"),
  );
  const presence = new HubPresence({
    store: deps.presence ?? createMemoryPresence(),
    times: deps.presenceTimes ?? PRESENCE_TIMES,
    connections: open,
    rooms,
    policies,
    sender,
    metrics,
    logger,
    broadcast: (topic, text) => fanOut.publishToTopic(topic, text),
  });

  // Admission, heartbeat, closing.
  const countElsewhere = (keys: readonly string[]) => cluster.countElsewhere(keys);
  const admission = new Admission(rooms.userConnections, limits, { countNodes, countElsewhere });
  const heartbeat = new Heartbeat(open, limits, sender, metrics, clock);
  const longResponses = new LongResponses(authenticate, clock);
  const closer = new ConnectionCloser(connections, rooms.userConnections, heartbeat, longResponses, limits);
  const lifecycle = new ConnectionLifecycle({
    connections,
    rooms,
    admission,
    authenticate,
    heartbeat,
    sender,
    clock,
    limits,
    self,
  });
  const localStats = createLocalStats({
    node: () => Number(self.node),
    startedAt: clock.now(),
    connections: open,
    rooms,
    admission,
    counts: () => connections.counts(),
    frames,
  });
  const cluster = createClusterQueries({ broker, localStats });

  // Incoming frames.
  const dispatcher = new CommandDispatcher(sender, metrics, logger, deps.tracing, formatConnectionId);
  const rateLimiter = new InboundRateLimiter(limits, broker, countNodes);
  const frameReceiver = new FrameReceiver({ limits, metrics, rateLimiter, heartbeat, sender, tracer, dispatcher });
  const { roomsPerConnection } = limits;
  const watch = (connection: Connection, room: Room) => presence.watch(connection, room);
  const joins = new Joins({ rooms, sender, epoch, policies, log, metrics, logger, roomsPerConnection, watch });
  registerHubCommands({
    rooms,
    sender,
    epoch,
    dispatcher,
    joins,
    authenticate,
    now: () => clock.now(),
    signIn: (connection, caller) => lifecycle.signIn(connection, caller),
    ackReceived: cluster.ackReceived,
    prepare: (caller) => admission.prepare(caller, ""),
  });

  let sweep: ReturnType<typeof setInterval> | null = null;

  return {
    start(broadcast) {
      fanOut.start(broadcast);
      heartbeat.start();
      presence.start();
      sweep ??= setInterval(() => rooms.evictIdle(), ROOM_IDLE_MS);
    },
    async stop() {
      longResponses.stop();
      tracer.stop();
      heartbeat.stop();
      repair.stop();
      await presence.stop();
      if (sweep !== null) clearInterval(sweep);
      sweep = null;
    },
    get draining() {
      return self.draining;
    },
    drain(ms) {
      self.draining = true;
      // They reconnect to the other nodes, or, where there is none, to the next process that starts here.
      const windowMs = getReconnectWindow(open.length, limits.handshakes, Math.max(1, countNodes() - 1), ms);
      return drainConnections(open, { sender, heartbeat, durationMs: ms, windowMs });
    },

    publish: (entries) => rooms.ingest(internal.deliver(entries)),
    publishEphemeral: (room, type, payload, except) => ephemeral.publish(room, type, payload, except),
    publishText: (room, type, payload, except) => ephemeral.publishText(room, type, payload, except),
    isAwaiting: (room, seq) => rooms.isAwaiting(room, seq),
    needs: (room, seq) => isInternal(room) || rooms.needs(room, seq),
    announce: (room, seq) => rooms.announce(room, seq),
    watch: (room, watcher) => internal.watch(room, watcher),
    async compareHeads() {
      await Promise.all([internal.interrupted(), repair.compareHeads(rooms.all())]);
    },
    changeEpoch(epoch) {
      if (epoch === self.epoch) return;
      self.epoch = epoch;
      closer.closeAll("draining");
      rooms.clear();
      internal.interrupted().catch((error: unknown) => {
        logger.error({ err: error }, "changes of other nodes could not be read; they are read when needed");
      });
    },
    renumber(node) {
      self.node = node;
    },

    registerRooms: (kind, policy) => policies.register(kind, policy),
    async authorize(caller, room) {
      const [refusal = null] = await policies.authorize([{ caller, room }]);
      if (refusal !== null) throw new AppError(refusal);
    },
    async presence(caller, room) {
      const refusal = await policies.checkPresence(caller, room);
      if (refusal !== null) throw new AppError(refusal);
      return presence.get(room);
    },
    presenceHealth: () => presence.health,
    registerCommand: (type, handler) => dispatcher.register(type, handler),

    closeSession: (sessionId, reason) => closer.closeSession(sessionId, reason),
    closeUser: (userId, reason, matches = () => true) => closer.closeUser(userId, reason, matches),
    closeConnection: (id, reason) => closer.closeConnection(id, reason),
    closeFrom: (matches, reason) => closer.closeFrom(matches, reason),
    closeWhere: (ends, reason) => closer.closeWhere(ends, reason),
    endService(tokenId, at) {
      connections.endService(tokenId, at);
      longResponses.endService(tokenId, at);
    },
    updateUser(userId, person) {
      connections.updateUser(userId, person);
      longResponses.updateUser(userId, person);
      presence.renamed(userId);
    },

    callers: () => [...connections.getCallers(), ...longResponses.getCallers()],
    beginLongResponse: (request) => longResponses.begin(request),
    counts: () => connections.counts(),
    cluster,
    traceFrames: (target, onFrames) => tracer.trace(target, onFrames),

    prepare: (caller, address) => admission.prepare(caller, address),
    connect: (caller, address) => lifecycle.connect(caller, address),
    opened: (connection: Connection, socket) => lifecycle.opened(connection, socket),
    received: (connection: Connection, frame) => frameReceiver.receive(connection, frame),
    admitFrame: (connection: Connection, frame) => frameReceiver.admitFrame(connection, frame),
    receiveCommand: (connection: Connection, frame) => frameReceiver.receiveCommand(connection, frame),
    keepAlive: (connection: Connection) => void frameReceiver.admitFrame(connection, ""),
    streamAlive: (connection: Connection) => frameReceiver.recordActivity(connection),
    drained: (connection: Connection) => connection.notifyDrained(),
    closed: (connection: Connection) => lifecycle.closed(connection),
  };
}

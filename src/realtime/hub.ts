import { AppError } from "../platform/errors.ts";
import { Admission } from "./admission.ts";
import { createAlone } from "./broker/alone.ts";
import { createCensus } from "./census.ts";
import { Closing } from "./closing.ts";
import { createCluster } from "./cluster.ts";
import { registerOwnCommands } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { Connections } from "./connections.ts";
import { countFrames } from "./count-frames.ts";
import type { HubDeps } from "./deps.ts";
import { Dispatch } from "./dispatch.ts";
import type { Hub } from "./doors.ts";
import { drainConnections } from "./drain.ts";
import { Ephemeral } from "./ephemeral.ts";
import { askAgain, expel } from "./expel.ts";
import { FanOut } from "./fan-out.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Intake } from "./intake.ts";
import { InternalRooms, isInternal } from "./internal-rooms.ts";
import { Joins } from "./join.ts";
import { Lifetime, type Self } from "./lifetime.ts";
import { ROOM_REST } from "./limits.ts";
import { LongAnswers } from "./long-answers.ts";
import { Policies } from "./policies.ts";
import { HubPresence } from "./presence/hub-presence.ts";
import { createMemoryPresence } from "./presence/memory.ts";
import { PRESENCE_TIMES } from "./presence/times.ts";
import { Repair } from "./repair.ts";
import type { Room } from "./room.ts";
import { Rooms } from "./rooms.ts";
import { Sender } from "./sender.ts";
import { spreadOf } from "./spread.ts";
import { Taps } from "./taps.ts";
import { Traffic } from "./traffic.ts";

/** The hub of this node: wires the parts of this folder, and says which of them does what. */
export function createHub(deps: HubDeps): Hub {
  const { log, logger, clock, limits, authenticate } = deps;
  const broker = deps.broker ?? createAlone();
  const nodes = deps.nodes ?? (() => 1);
  const self: Self = { node: deps.node, epoch: deps.epoch, draining: false };
  const epoch = () => self.epoch;
  const idOf = ({ id }: { id: number }) => `${self.node}-${id}`;
  const frames = { sent: 0, received: 0 };
  const metrics = countFrames(deps.metrics, frames);

  // Who is here, and in which rooms.
  const policies = new Policies();
  const sender = new Sender(metrics);
  const rooms: Rooms = new Rooms(
    {
      show: (room, type, frame) => fanOut.show(room, type, frame),
      shown(room, entry) {
        const gone = policies.expels(entry);
        if (gone !== null) expel({ rooms, connections, sender }, room.name, gone);
      },
      missing: (room) => repair.missing(room),
    },
    {
      entered: (connection, room) => presence.entered(connection, room),
      left: (connection, room) => presence.left(connection, room),
    },
  );
  const connections: Connections = new Connections(rooms);
  const open = connections.open;

  // What they are shown.
  const taps = new Taps(broker, rooms.people, () => self.node);
  sender.taps = taps;
  const fanOut = new FanOut({ rooms, sender, taps, metrics });
  const ephemeral = new Ephemeral({ broker, connections, rooms, sender, fanOut });
  const repair = new Repair({
    log,
    metrics,
    logger,
    epoch,
    isOpen: (room) => rooms.get(room.name) === room,
    tell: (room, type, frame) => fanOut.show(room, type, frame),
    passedOver: (room) => void askAgain({ rooms, connections, sender, policies }, room),
  });
  const internal = new InternalRooms((error) =>
    logger.error({ err: error }, "an entry of an internal room could not be acted on; its state is read anew"),
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
    broadcast: (topic, text) => fanOut.publish(topic, text),
  });

  // How they come and go.
  const elsewhere = (keys: readonly string[]) => cluster.elsewhere(keys);
  const admission = new Admission(rooms.people, limits, { nodes, elsewhere });
  const heartbeat = new Heartbeat(open, limits, sender, metrics, clock);
  const longAnswers = new LongAnswers(authenticate, clock);
  const closing = new Closing(connections, rooms.people, heartbeat, longAnswers, limits);
  const lifetime = new Lifetime({
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
  const census = createCensus({
    node: () => Number(self.node),
    startedAt: clock.now(),
    connections: open,
    rooms,
    admission,
    counts: () => connections.counts(),
    frames,
  });
  const cluster = createCluster({ broker, census });

  // What they say.
  const dispatch = new Dispatch(sender, metrics, logger, deps.tracing, idOf);
  const traffic = new Traffic(limits, broker, nodes);
  const intake = new Intake({ limits, metrics, traffic, heartbeat, sender, taps, dispatch });
  const { roomsPerConnection } = limits;
  const watch = (connection: Connection, room: Room) => presence.watch(connection, room);
  const joins = new Joins({ rooms, sender, epoch, policies, log, metrics, logger, roomsPerConnection, watch });
  registerOwnCommands({
    rooms,
    sender,
    epoch,
    dispatch,
    joins,
    authenticate,
    now: () => clock.now(),
    signIn: (connection, caller) => lifetime.signIn(connection, caller),
    heard: cluster.heard,
    prepare: (caller) => admission.prepare(caller, ""),
  });

  let sweep: ReturnType<typeof setInterval> | null = null;

  return {
    start(broadcast) {
      fanOut.start(broadcast);
      heartbeat.start();
      presence.start();
      sweep ??= setInterval(() => rooms.sweep(), ROOM_REST);
    },
    async stop() {
      longAnswers.stop();
      taps.stop();
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
      // The other nodes take them, or, where there is none, the next process that starts here.
      const spread = spreadOf(open.length, limits.handshakes, Math.max(1, nodes() - 1), ms);
      return drainConnections(open, { sender, heartbeat, ms, spread });
    },

    publish: (entries) => rooms.offer(internal.take(entries)),
    publishEphemeral: (room, type, payload, except) => ephemeral.publish(room, type, payload, except),
    publishText: (room, type, payload, except) => ephemeral.publishText(room, type, payload, except),
    awaits: (room, seq) => rooms.awaits(room, seq),
    needs: (room, seq) => isInternal(room) || rooms.needs(room, seq),
    announce: (room, seq) => rooms.announce(room, seq),
    watch: (room, watcher) => internal.watch(room, watcher),
    async compareHeads() {
      await Promise.all([internal.interrupted(), repair.compareHeads(rooms.all())]);
    },
    changeEpoch(epoch) {
      if (epoch === self.epoch) return;
      self.epoch = epoch;
      closing.all("draining");
      rooms.forgetAll();
      internal.interrupted().catch((error: unknown) => {
        logger.error({ err: error }, "what other nodes have changed could not be read; it is when it is needed");
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
      const refusal = await policies.mayReadPresence(caller, room);
      if (refusal !== null) throw new AppError(refusal);
      return presence.of(room);
    },
    presenceHealth: () => presence.health,
    registerCommand: (type, handler) => dispatch.register(type, handler),

    expel: (room, userId) => expel({ rooms, connections, sender }, room, { userId }),
    closeSession: (sessionId, reason) => closing.session(sessionId, reason),
    closeUser: (userId, reason, matches = () => true) => closing.user(userId, reason, matches),
    closeConnection: (id, reason) => closing.connection(id, reason),
    closeFrom: (matches, reason) => closing.from(matches, reason),
    closeWhere: (ends, reason) => closing.where(ends, reason),
    endService(tokenId, at) {
      connections.endService(tokenId, at);
      longAnswers.endService(tokenId, at);
    },
    updateUser(userId, person) {
      connections.updateUser(userId, person);
      longAnswers.updateUser(userId, person);
      presence.renamed(userId);
    },

    callers: () => [...connections.callers(), ...longAnswers.callers()],
    beginLongAnswer: (request) => longAnswers.begin(request),
    counts: () => connections.counts(),
    cluster,
    tap: (target, tell) => taps.watch(target, tell),

    prepare: (caller, address) => admission.prepare(caller, address),
    connect: (caller, address) => lifetime.connect(caller, address),
    opened: (connection: Connection, socket) => lifetime.opened(connection, socket),
    received: (connection: Connection, frame) => intake.received(connection, frame),
    count: (connection: Connection, frame) => intake.count(connection, frame),
    command: (connection: Connection, frame) => intake.command(connection, frame),
    beaten: (connection: Connection) => void intake.count(connection, ""),
    ponged: (connection: Connection) => intake.alive(connection),
    drained: (connection: Connection) => connection.wake(),
    closed: (connection: Connection) => lifetime.closed(connection),
  };
}

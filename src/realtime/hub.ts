import type { CloseReason, Code } from "../../protocol/codes.ts";
import type { CommandType, FramePayload, FrameType } from "../../protocol/frames.ts";
import { type RoomKind, roomId, roomKind } from "../../protocol/rooms.ts";
import { type Caller, coversRoom, type UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import { Admission } from "./admission.ts";
import { createAlone } from "./broker/alone.ts";
import type { Broker } from "./broker/broker.ts";
import { createCensus } from "./census.ts";
import { createCluster } from "./cluster.ts";
import { registerOwnCommands } from "./commands.ts";
import { Connection } from "./connection.ts";
import type { HubDeps, HubMetrics } from "./deps.ts";
import { Dispatch } from "./dispatch.ts";
import type { Broadcast, Hub, HubCounts, Socket } from "./doors.ts";
import { drainConnections } from "./drain.ts";
import { encode } from "./encode.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Inbox } from "./inbox.ts";
import type { Cluster, CommandHandler, InternalRoom, RoomPolicy, Tapped, TapTarget, Watcher } from "./index.ts";
import { InternalRooms } from "./internal-rooms.ts";
import { Joins } from "./join.ts";
import { ROOM_REST } from "./limits.ts";
import { Policies } from "./policies.ts";
import { HubPresence } from "./presence/hub-presence.ts";
import { createMemoryPresence } from "./presence/memory.ts";
import { PRESENCE_TIMES } from "./presence/times.ts";
import { Repair } from "./repair.ts";
import type { Room, RoomOutlet } from "./room.ts";
import { Rooms } from "./rooms.ts";
import { Sender } from "./sender.ts";
import { Taps } from "./taps.ts";
import { Traffic } from "./traffic.ts";

/** What is not kept, on its way to another node: the frame was encoded once. */
interface Ephemeral {
  room: string;
  type: string;
  frame: string;
  except?: string;
}

/** The hub of this node: what the parts of this folder are wired to. */
export function createHub(deps: HubDeps): Hub {
  return new NodeHub(deps);
}

class NodeHub implements Hub {
  draining = false;
  readonly cluster: Cluster;
  readonly #deps: HubDeps;
  readonly #broker: Broker;
  readonly #connections: Connection[] = [];
  readonly #sender: Sender;
  readonly #rooms: Rooms;
  readonly #admission: Admission;
  readonly #traffic: Traffic;
  readonly #policies = new Policies();
  readonly #internal: InternalRooms;
  readonly #presence: HubPresence;
  readonly #repair: Repair;
  readonly #dispatch: Dispatch;
  readonly #heartbeat: Heartbeat;
  readonly #taps: Taps;
  #epoch: string;
  #node: string;
  #broadcast: Broadcast = () => 0;
  #lastId = 0;
  #authenticated = 0;
  /** Connections of people: each is in its `user:<id>`. */
  #withOwnRoom = 0;
  #sweep: ReturnType<typeof setInterval> | null = null;

  constructor(deps: HubDeps) {
    const { log, logger, clock, limits } = deps;
    const traffic = { sent: 0, received: 0 };
    const metrics = counting(deps.metrics, traffic);
    this.#deps = { ...deps, metrics };
    this.#epoch = deps.epoch;
    this.#node = deps.node;
    const epoch = () => this.#epoch;
    const now = () => clock.now();
    this.#sender = new Sender(metrics);
    this.#internal = new InternalRooms((error) =>
      logger.error({ err: error }, "an entry of an internal room could not be acted on; its state is read anew"),
    );
    const outlet: RoomOutlet = {
      show: (room, type, frame) => this.#show(room, type, frame),
      shown: (room, entry) => this.#shown(room, entry),
      missing: (room) => this.#repair.missing(room),
    };
    this.#rooms = new Rooms(outlet, {
      entered: (connection, room) => this.#presence.entered(connection, room),
      left: (connection, room) => this.#presence.left(connection, room),
    });
    this.#presence = new HubPresence({
      store: deps.presence ?? createMemoryPresence(),
      times: deps.presenceTimes ?? PRESENCE_TIMES,
      connections: this.#connections,
      rooms: this.#rooms,
      policies: this.#policies,
      sender: this.#sender,
      metrics,
      logger,
      broadcast: (topic, text) => {
        if (this.#broadcast(topic, text) <= 0) this.#sender.congested = true;
      },
    });
    this.#broker = deps.broker ?? createAlone();
    const nodes = deps.nodes ?? (() => 1);
    const elsewhere = (keys: readonly string[]) => cluster.elsewhere(keys);
    this.#admission = new Admission(this.#rooms.people, limits, { nodes, elsewhere });
    this.#traffic = new Traffic(limits, this.#broker, nodes);
    this.#repair = new Repair({
      log,
      metrics,
      logger,
      epoch,
      isOpen: (room) => this.#rooms.get(room.name) === room,
      tell: (room, type, frame) => this.#show(room, type, frame),
    });
    const idOf = ({ id }: { id: number }) => `${this.#node}-${id}`;
    this.#taps = new Taps(this.#broker, this.#rooms.people, idOf);
    this.#sender.taps = this.#taps;
    this.#dispatch = new Dispatch(this.#sender, metrics, logger, deps.tracing, idOf);
    this.#heartbeat = new Heartbeat(this.#connections, limits, this.#sender, metrics, clock);
    const { roomsPerConnection } = limits;
    const { authenticate } = deps;
    const shared = { rooms: this.#rooms, sender: this.#sender, epoch };
    const watch = (connection: Connection, room: Room) => this.#presence.watch(connection, room);
    const joins = new Joins({ ...shared, policies: this.#policies, log, metrics, logger, roomsPerConnection, watch });
    const signIn = (connection: Connection, caller: Caller) => this.#signIn(connection, caller);
    const census = createCensus({
      node: () => Number(this.#node),
      startedAt: clock.now(),
      connections: this.#connections,
      rooms: this.#rooms,
      admission: this.#admission,
      counts: () => this.counts(),
      traffic,
    });
    this.#broker.on("ephemeral", (message) => {
      const { room, type, frame, except } = message as Ephemeral;
      this.#showOnce(room, type, frame, except);
    });
    const cluster = createCluster({ broker: this.#broker, census });
    this.cluster = cluster;
    registerOwnCommands({
      ...shared,
      dispatch: this.#dispatch,
      joins,
      authenticate,
      now,
      signIn,
      heard: cluster.heard,
      prepare: (caller) => this.#admission.prepare(caller, ""),
    });
  }

  start(broadcast: Broadcast): void {
    this.#broadcast = broadcast;
    this.#heartbeat.start();
    this.#presence.start();
    this.#sweep ??= setInterval(() => this.#rooms.sweep(), ROOM_REST);
  }

  tap(target: TapTarget, tell: (lines: readonly Tapped[], leftOut: number) => void): () => void {
    return this.#taps.watch(target, tell);
  }

  async stop(): Promise<void> {
    this.#taps.stop();
    this.#heartbeat.stop();
    this.#repair.stop();
    await this.#presence.stop();
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#sweep = null;
  }

  async drain(ms: number): Promise<void> {
    this.draining = true;
    await drainConnections(this.#connections, { sender: this.#sender, heartbeat: this.#heartbeat, ms });
  }

  counts(): HubCounts {
    const connections = this.#connections.length;
    const authenticated = this.#authenticated;
    return {
      connections,
      authenticated,
      anonymous: connections - authenticated,
      rooms: { ...this.#rooms.places, all: connections, user: this.#rooms.places.user + this.#withOwnRoom },
    };
  }

  presenceHealth(): { up: boolean; watched: number } {
    return this.#presence.health;
  }

  registerRooms(kind: RoomKind, policy: RoomPolicy): void {
    this.#policies.register(kind, policy);
  }

  async authorize(caller: Caller, room: string): Promise<void> {
    const [refusal = null] = await this.#policies.authorize([{ caller, room }]);
    if (refusal !== null) throw new AppError(refusal);
  }

  registerCommand<T extends CommandType>(type: T, handler: CommandHandler<T>): void {
    this.#dispatch.register(type, handler);
  }

  publish(entries: readonly LogEntry[]): void {
    this.#rooms.offer(this.#internal.take(entries));
  }

  announce(room: string, seq: number): void {
    this.#rooms.announce(room, seq);
  }

  watch(room: InternalRoom, watcher: Watcher): void {
    this.#internal.watch(room, watcher);
  }

  publishEphemeral<T extends FrameType>(name: string, type: T, payload: FramePayload<T>, except?: string): void {
    const frame = encode(type, payload);
    this.#showOnce(name, type, frame, except);
    this.#broker.send("ephemeral", { room: name, type, frame, except } satisfies Ephemeral);
  }

  #showOnce(name: string, type: string, frame: string, except: string | undefined): void {
    if (name === "all") {
      for (const connection of [...this.#connections])
        if (except === undefined || connection.caller.kind !== "user" || connection.caller.userId !== except)
          this.#sender.send(connection, type, frame);
    } else if (roomKind(name) === "user") {
      for (const connection of this.#rooms.people.of(roomId(name))) this.#sender.send(connection, type, frame);
      if ((this.#rooms.get(name)?.members ?? 0) > 0) this.#broadcast(name, frame);
    } else this.#showExcept(name, type, frame, except);
  }

  expel(name: string, userId: string): void {
    const room = this.#rooms.get(name);
    if (room === undefined) return;
    for (const e of room.entering ?? []) {
      const { caller } = e.connection;
      if (e.refused !== null || caller.kind !== "user" || caller.userId !== userId) continue;
      // Before the answer its rights are asked again: he may have been taken in once more since.
      if (e.answered) {
        e.refused = "forbidden";
        this.#sender.left(e.connection, name, "forbidden");
      } else e.doubtful = true;
    }
    for (const connection of this.#rooms.people.of(userId)) {
      if (!connection.isIn(room)) continue;
      this.#rooms.leave(connection, room);
      this.#sender.left(connection, name, "forbidden");
    }
  }

  closeSession(sessionId: string, reason: CloseReason): void {
    for (const connection of [...this.#connections]) {
      if (connection.caller.kind === "user" && connection.caller.sessionId === sessionId)
        this.#heartbeat.close(connection, reason);
    }
  }

  closeUser(userId: string, reason: CloseReason, exceptSessionId?: string): void {
    for (const connection of this.#rooms.people.of(userId)) {
      const { caller } = connection;
      if (caller.kind === "user" && caller.sessionId !== null && caller.sessionId === exceptSessionId) continue;
      this.#heartbeat.close(connection, reason);
    }
  }

  closeConnection(id: number, reason: CloseReason): void {
    const connection = this.#connections.find((each) => each.id === id);
    if (connection) this.#heartbeat.close(connection, reason);
  }

  closeFrom(matches: (address: string) => boolean, reason: CloseReason): void {
    for (const connection of [...this.#connections])
      if (matches(connection.address)) this.#heartbeat.close(connection, reason);
  }

  endService(tokenId: string, at: number): void {
    for (const connection of this.#connections) {
      const { caller } = connection;
      if (caller.kind !== "service" || caller.tokenId !== tokenId) continue;
      connection.caller = { ...caller, expiresAt: Math.min(at, caller.expiresAt ?? at) };
    }
  }

  updateUser(userId: string, { username, role }: Pick<UserCaller, "username" | "role">): void {
    for (const connection of this.#rooms.people.of(userId)) {
      const { caller } = connection;
      if (caller.kind === "user") connection.caller = { ...caller, username, role };
    }
    this.#presence.renamed(userId);
  }

  callers(): UserCaller[] {
    return this.#connections.map(({ caller }) => caller).filter((caller) => caller.kind === "user");
  }

  changeEpoch(epoch: string): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    for (const connection of [...this.#connections]) this.#heartbeat.close(connection, "draining");
    this.#rooms.forgetAll();
    this.#internal.interrupted().catch((error: unknown) => {
      this.#deps.logger.error(
        { err: error },
        "what other nodes have changed could not be read; it is when it is needed",
      );
    });
  }

  async presence(caller: Caller, room: string): Promise<FramePayload<"room:presence">> {
    const refusal = await this.#mayRead(caller, room);
    if (refusal !== null) throw new AppError(refusal);
    return this.#presence.of(room);
  }

  /** A service reads what its token names; a person what he may join. */
  async #mayRead(caller: Caller, room: string): Promise<Code | null> {
    if (caller.kind === "service")
      return caller.scopes.includes("presence") && coversRoom(caller.rooms, room) ? null : "forbidden";
    return (await this.#policies.authorize([{ caller, room }]))[0] ?? null;
  }

  renumber(node: string): void {
    this.#node = node;
  }

  async compareHeads(): Promise<void> {
    const watchers = this.#internal.interrupted();
    const known = [...this.#rooms.all()].filter((room) => room.known);
    const heads = await this.#deps.log.heads(known.map(({ name }) => name));
    for (const room of known) room.learn(0, heads.get(room.name) ?? 0);
    await watchers;
  }

  prepare(caller: Caller, address: string): Promise<void> {
    return this.#admission.prepare(caller, address);
  }

  connect(caller: Caller, address: string): Connection {
    if (this.#deps.authenticate.isBanned?.(address)) throw new AppError("banned", "This address is banned.");
    const source = this.#admission.admit(caller, address);
    const connection = new Connection(++this.#lastId, caller, performance.now(), this.#deps.limits.burst);
    connection.source = source;
    connection.address = address;
    connection.openedAt = this.#deps.clock.now();
    return connection;
  }

  opened(connection: Connection, socket: Socket): void {
    const { caller } = connection;
    connection.socket = socket;
    connection.place = this.#connections.push(connection) - 1;
    this.#admission.opened(connection);
    this.#identified(connection);
    if (this.draining) this.#heartbeat.close(connection, "draining");
    else if (caller.kind !== "anonymous" && !this.#deps.authenticate.isCurrent(caller))
      this.#heartbeat.close(connection, "signed_out");
    else this.#greet(connection);
  }

  received(connection: Connection, frame: string | Uint8Array): void {
    const { limits, metrics } = this.#deps;
    if (connection.cutAt > 0) return;
    connection.seen(performance.now(), limits.rate, limits.burst);
    if (!this.#traffic.take(connection, frame)) this.#heartbeat.close(connection, "flood");
    else if (typeof frame !== "string") {
      metrics.received("other");
      this.#sender.error(connection, "malformed", "Send text frames, not binary ones.");
    } else {
      if (this.#taps.active) this.#taps.received(connection, frame);
      connection.inbox ??= new Inbox(connection, this.#take);
      if (!connection.inbox.push(frame)) this.#heartbeat.close(connection, "flood");
    }
  }

  ponged(connection: Connection): void {
    connection.seen(performance.now(), this.#deps.limits.rate, this.#deps.limits.burst);
  }

  drained(connection: Connection): void {
    connection.wake();
  }

  closed(connection: Connection): void {
    if (connection.socket === null) return;
    connection.socket = null;
    connection.inbox?.clear();
    const last = this.#connections.pop()!;
    if (last !== connection) {
      this.#connections[connection.place] = last;
      last.place = connection.place;
    }
    if (connection.caller.kind !== "anonymous") this.#authenticated--;
    if (connection.caller.kind === "user") {
      this.#withOwnRoom--;
      this.#rooms.people.remove(connection.caller.userId, connection);
    }
    this.#admission.closed(connection);
    this.#rooms.leaveAll(connection);
    connection.wake();
  }

  readonly #take = (connection: Connection, frame: string, accepted: () => void) =>
    this.#dispatch.take(connection, frame, accepted);

  #show(room: Room, type: string, frame: string): void {
    if (room.personal) for (const connection of this.#rooms.liveIn(room)) this.#sender.send(connection, type, frame);
    if (!room.personal || room.members > 0) {
      this.#deps.metrics.sent(type, room.members);
      if (this.#taps.active) this.#taps.shown(room, frame);
      if (this.#broadcast(room.name, frame) <= 0) this.#sender.congested = true;
    }
  }

  #shown(room: Room, entry: LogEntry): void {
    const gone = this.#policies.expels(entry);
    if (gone !== null) this.expel(room.name, gone);
  }

  /** That person's sockets leave the topic and are in it again within the tick: exactly this frame passes them by. */
  #showExcept(name: string, type: string, frame: string, except: string | undefined): void {
    const room = this.#rooms.get(name);
    if (room === undefined || room.members === 0) return;
    const passed = except === undefined ? [] : this.#rooms.people.of(except).filter((c) => c.isIn(room));
    for (const { socket } of passed) socket?.unsubscribe(name);
    this.#show(room, type, frame);
    for (const { socket } of passed) socket?.subscribe(name);
  }

  #signIn(connection: Connection, caller: Caller): void {
    const { kind } = connection.caller;
    if (kind === "anonymous") this.#admission.admit(caller, "");
    connection.caller = caller;
    if (kind === "anonymous") this.#identified(connection);
  }

  #identified(connection: Connection): void {
    if (connection.caller.kind === "anonymous" || connection.socket === null) return;
    this.#authenticated++;
    if (connection.caller.kind === "service") return;
    this.#withOwnRoom++;
    this.#rooms.people.add(connection.caller.userId, connection);
  }

  #greet(connection: Connection): void {
    const { caller } = connection;
    const { clock, limits } = this.#deps;
    const node = this.#node;
    const payload = {
      connection_id: `${node}-${connection.id}`,
      server_time: new Date(clock.now()).toISOString(),
      user_id: caller.kind === "user" ? caller.userId : null,
      ping_interval: limits.pingInterval,
      max_frame: limits.maxFrame,
      node,
      epoch: this.#epoch,
    };
    this.#sender.send(connection, "system:connected", encode("system:connected", payload));
  }
}

/** The same counters, which also add up all frames. */
function counting(metrics: HubMetrics, traffic: { sent: number; received: number }): HubMetrics {
  return {
    ...metrics,
    sent(type, connections) {
      traffic.sent += connections;
      metrics.sent(type, connections);
    },
    received(type) {
      traffic.received++;
      metrics.received(type);
    },
  };
}

import type { UserCaller } from "../../platform/caller.ts";
import { Connection } from "../connections/connection.ts";
import { FrameSender } from "../connections/frame-sender.ts";
import type { HubMetrics } from "../deps.ts";
import { Policies } from "../rooms/policies.ts";
import { RoomRegistry } from "../rooms/room-registry.ts";
import type { Socket } from "../transport.ts";
import { HubPresence } from "./hub-presence.ts";
import type { PresenceFrame } from "./presence-snapshot.ts";
import type { PresenceStore } from "./presence-store.ts";
import type { PresenceTimes } from "./times.ts";

const NO_METRICS: HubMetrics = { sent() {}, received() {}, error() {}, recovery() {}, filled() {}, closed() {} };

/** The presence part of a hub, with connections that need no network. */
export class TestNode {
  readonly presence: HubPresence;
  readonly warned: string[] = [];
  readonly #rooms: RoomRegistry;
  readonly #connections: Connection[] = [];
  readonly #topics = new Map<string, Set<TestConnection>>();
  #dead = false;

  constructor(store: PresenceStore, times: PresenceTimes) {
    const policies = new Policies();
    policies.register("channel", { authorize: async () => {}, hasMembers: true });
    policies.register("event", { authorize: async () => {} });
    this.#rooms = new RoomRegistry(
      { onFrame: () => {}, onPublished: () => {}, onGap: () => {} },
      { joined: (c, room) => this.presence.joined(c, room), left: (c, room) => this.presence.left(c, room) },
    );
    const sender = new FrameSender(NO_METRICS);
    const broadcast = (topic: string, text: string) => {
      for (const client of this.#topics.get(topic) ?? []) client.receive(text);
      return 1;
    };
    sender.start([broadcast]);
    this.presence = new HubPresence({
      store: stopWhenDead(store, () => this.#dead),
      times,
      connections: this.#connections,
      rooms: this.#rooms,
      policies,
      sender,
      metrics: NO_METRICS,
      logger: { warn: (_, message) => this.warned.push(message), error: () => {} },
    });
    this.presence.start();
  }

  open(userId: string): TestConnection {
    const caller: UserCaller = {
      kind: "user",
      userId,
      username: `name of ${userId}`,
      role: "member",
      sessionId: null,
      expiresAt: null,
    };
    const connection = new Connection(1, caller, 0, 0);
    const topic = (name: string) => this.#topics.get(name) ?? this.#topics.set(name, new Set()).get(name)!;
    const client: TestConnection = new TestConnection({
      join: (room, watch) => {
        this.#rooms.join(connection, this.#rooms.open(room));
        if (watch) this.presence.watch(connection, this.#rooms.open(room));
      },
      leave: (room) => this.#rooms.leave(connection, this.#rooms.open(room)),
      close: () => {
        connection.socket = null;
        for (const clients of this.#topics.values()) clients.delete(client);
        this.#connections.splice(this.#connections.indexOf(connection), 1);
        this.#rooms.userConnections.remove(userId, connection);
        this.#rooms.leaveAll(connection);
      },
    });
    const socket: Socket = {
      send: (text) => client.receive(text),
      subscribe: (name) => void topic(name).add(client),
      unsubscribe: (name) => void topic(name).delete(client),
      cork: (work) => work(),
      ping() {},
      close() {},
      terminate() {},
      getBufferedAmount: () => 0,
    };
    connection.socket = socket;
    this.#connections.push(connection);
    this.#rooms.userConnections.add(userId, connection);
    return client;
  }

  /** As kill -9: nothing more is sent to the store. */
  kill(): void {
    this.#dead = true;
    void this.presence.stop();
  }
}

/** The frames of one client. */
export class TestConnection {
  readonly frames: PresenceFrame[] = [];
  readonly join: (room: string, watch?: boolean) => void;
  readonly leave: (room: string) => void;
  readonly close: () => void;

  constructor(actions: { join(room: string, watch: boolean): void; leave(room: string): void; close(): void }) {
    this.join = (room, watch = false) => actions.join(room, watch);
    this.leave = actions.leave;
    this.close = actions.close;
  }

  receive(text: string): number {
    return this.frames.push(JSON.parse(text));
  }

  /** Ids of those who are in the room as a client knows it by its frames, sorted; null before the first list. */
  present(room: string): string[] | null {
    let present: Set<string> | null = null;
    for (const { type, payload } of this.frames) {
      if (payload.room !== room) continue;
      const ids = (payload.members ?? []).map(({ user_id }) => user_id);
      if (type === "room:presence") present = new Set(ids);
      else if (present === null) throw new Error(`${type} came before the first list`);
      else for (const id of ids) type === "room:member_joined" ? present.add(id) : present.delete(id);
    }
    return present && [...present].sort();
  }

  types(): string[] {
    return this.frames.map(({ type }) => type);
  }
}

/** A store for a process that may be killed: then it never responds. */
function stopWhenDead(store: PresenceStore, dead: () => boolean): PresenceStore {
  const unlessDead = <T>(call: () => Promise<T>) => (dead() ? new Promise<T>(() => {}) : call());
  return {
    kind: store.kind,
    write: (changes, ttl) => unlessDead(() => store.write(changes, ttl)),
    readOwn: () => unlessDead(() => store.readOwn()),
    sweep: () => unlessDead(() => store.sweep()),
    read: (known, max) => unlessDead(() => store.read(known, max)),
  };
}

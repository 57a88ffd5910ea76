import type { UserCaller } from "../../platform/caller.ts";
import { Connection } from "../connection.ts";
import type { HubMetrics } from "../deps.ts";
import type { Socket } from "../doors.ts";
import { Policies } from "../policies.ts";
import { Rooms } from "../rooms.ts";
import { Sender } from "../sender.ts";
import { HubPresence } from "./hub-presence.ts";
import type { PresenceStore } from "./presence.ts";
import type { PresenceTimes } from "./times.ts";
import type { PresenceFrame } from "./view.ts";

const NO_METRICS: HubMetrics = { sent() {}, received() {}, error() {}, recovery() {}, filled() {}, closed() {} };

/** The part of a hub that has to do with presence, with connections that have no network between. */
export class TestNode {
  readonly presence: HubPresence;
  readonly warned: string[] = [];
  readonly #rooms: Rooms;
  readonly #connections: Connection[] = [];
  readonly #topics = new Map<string, Set<TestConnection>>();
  #dead = false;

  constructor(store: PresenceStore, times: PresenceTimes) {
    const policies = new Policies();
    policies.register("channel", { authorize: async () => {}, hasMembers: true });
    policies.register("event", { authorize: async () => {} });
    this.#rooms = new Rooms(
      { show: () => {}, shown: () => {}, missing: () => {} },
      { entered: (c, room) => this.presence.entered(c, room), left: (c, room) => this.presence.left(c, room) },
    );
    this.presence = new HubPresence({
      store: mortal(store, () => this.#dead),
      times,
      connections: this.#connections,
      rooms: this.#rooms,
      policies,
      sender: new Sender(NO_METRICS),
      metrics: NO_METRICS,
      logger: { warn: (_, message) => this.warned.push(message), error: () => {} },
      broadcast: (topic, text) => {
        for (const client of this.#topics.get(topic) ?? []) client.take(text);
      },
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
        this.#rooms.enter(connection, this.#rooms.open(room));
        if (watch) this.presence.watch(connection, this.#rooms.open(room));
      },
      leave: (room) => this.#rooms.leave(connection, this.#rooms.open(room)),
      close: () => {
        connection.socket = null;
        for (const clients of this.#topics.values()) clients.delete(client);
        this.#connections.splice(this.#connections.indexOf(connection), 1);
        this.#rooms.people.remove(userId, connection);
        this.#rooms.leaveAll(connection);
      },
    });
    const socket: Socket = {
      send: (text) => client.take(text),
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
    this.#rooms.people.add(userId, connection);
    return client;
  }

  /** As kill -9: nothing more is said to the store. */
  kill(): void {
    this.#dead = true;
    void this.presence.stop();
  }
}

/** What one client was shown. */
export class TestConnection {
  readonly frames: PresenceFrame[] = [];
  readonly join: (room: string, watch?: boolean) => void;
  readonly leave: (room: string) => void;
  readonly close: () => void;

  constructor(acts: { join(room: string, watch: boolean): void; leave(room: string): void; close(): void }) {
    this.join = (room, watch = false) => acts.join(room, watch);
    this.leave = acts.leave;
    this.close = acts.close;
  }

  take(text: string): number {
    return this.frames.push(JSON.parse(text));
  }

  /** Ids of those who are in the room as a client knows it by its frames, sorted; null before the first list. */
  present(room: string): string[] | null {
    let people: Set<string> | null = null;
    for (const { type, payload } of this.frames) {
      if (payload.room !== room) continue;
      const ids = (payload.members ?? []).map(({ user_id }) => user_id);
      if (type === "room:presence") people = new Set(ids);
      else if (people === null) throw new Error(`${type} came before the first list`);
      else for (const id of ids) type === "room:member_joined" ? people.add(id) : people.delete(id);
    }
    return people && [...people].sort();
  }

  types(): string[] {
    return this.frames.map(({ type }) => type);
  }
}

/** The store as a process sees it that may have been killed: then no answer ever comes. */
function mortal(store: PresenceStore, dead: () => boolean): PresenceStore {
  const unless = <T>(ask: () => Promise<T>) => (dead() ? new Promise<T>(() => {}) : ask());
  return {
    kind: store.kind,
    write: (changes, life) => unless(() => store.write(changes, life)),
    own: () => unless(() => store.own()),
    sweep: () => unless(() => store.sweep()),
    read: (known, most) => unless(() => store.read(known, most)),
  };
}

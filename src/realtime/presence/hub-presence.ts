import type { FramePayload } from "../../../protocol/frames.ts";
import { roomKind } from "../../../protocol/rooms.ts";
import { AppError } from "../../platform/errors.ts";
import type { Connection } from "../connection.ts";
import type { HubLogger, HubMetrics } from "../deps.ts";
import { encode } from "../encode.ts";
import type { Policies } from "../policies.ts";
import type { Room } from "../room.ts";
import type { Rooms } from "../rooms.ts";
import type { Sender } from "../sender.ts";
import { Arrivals } from "./arrivals.ts";
import type { Change, PresenceStore } from "./presence.ts";
import { Rounds } from "./rounds.ts";
import { LISTED, type PresenceTimes } from "./times.ts";
import { presenceOf, View } from "./view.ts";

export interface HubPresenceDeps {
  store: PresenceStore;
  times: PresenceTimes;
  connections: readonly Connection[];
  rooms: Rooms;
  policies: Policies;
  sender: Sender;
  metrics: HubMetrics;
  logger: HubLogger;
  /** To all sockets of a topic. */
  broadcast: (topic: string, text: string) => void;
}

/** A room that somebody on this node asked about. */
interface Watched {
  view: View | null;
  /** Who is shown changes, by the room's second topic. */
  connections: Set<Connection>;
  /** Who gets the list at the next round. */
  fresh: Set<Connection>;
}

/** Who is in the rooms that have a list of members: what this node's connections add to it, and what they are shown of it (SPEC PR). */
export class HubPresence {
  readonly #deps: HubPresenceDeps;
  readonly #arrivals = new Arrivals();
  readonly #watched = new Map<string, Watched>();
  readonly #rounds: Rounds;

  constructor(deps: HubPresenceDeps) {
    this.#deps = deps;
    const { store, times, logger } = deps;
    const nameOf = (userId: string) => this.#nameOf(userId);
    const here = () => this.#here();
    this.#rounds = new Rounds({ store, times, logger, arrivals: this.#arrivals, nameOf, here }, (now) =>
      this.#show(now),
    );
  }

  /** Whether the store answers, and how many rooms' lists somebody on this node watches. */
  get health(): { up: boolean; watched: number } {
    return { up: this.#rounds.up, watched: this.#watched.size };
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** A connection is live in a room. */
  entered({ caller }: Connection, { name }: Room): void {
    if (caller.kind === "user" && this.#counts(name)) this.#arrivals.came(name, caller.userId);
  }

  /** A connection is no longer in a room, or no longer at all. */
  left(connection: Connection, room: Room): void {
    const { caller } = connection;
    this.#unwatch(connection, room.name);
    if (caller.kind !== "user" || !this.#counts(room.name)) return;
    if (this.#deps.rooms.people.of(caller.userId).some((other) => other.isIn(room))) return;
    this.#arrivals.went(room.name, caller.userId, performance.now() + this.#deps.times.grace);
  }

  /** The person's new name is told to whoever asks from now on. */
  renamed(userId: string): void {
    for (const connection of this.#deps.rooms.people.of(userId)) {
      for (const room of connection.rooms) this.entered(connection, room);
    }
  }

  /** The connection wants to see who is in the room, which it is in: the list with the next round, then changes. */
  watch(connection: Connection, room: Room): void {
    if (connection.socket === null || !this.#counts(room.name) || !connection.isIn(room)) return;
    const watched = this.#watched.get(room.name) ?? { view: null, connections: new Set(), fresh: new Set() };
    watched.fresh.add(connection);
    this.#watched.set(room.name, watched);
  }

  /** Who is in a room now. Throws `not_found` for a room without a list of members, `unavailable`. */
  async of(room: string): Promise<FramePayload<"room:presence">> {
    if (!this.#counts(room)) throw new AppError("not_found", "This room has no list of who is in it.");
    try {
      const found = await this.#deps.store.read(new Map([[room, null]]), LISTED);
      return presenceOf(room, found.get(room)!);
    } catch (error) {
      this.#deps.logger.warn({ err: error, room }, "who is in a room could not be read");
      throw new AppError("unavailable", "Who is in this room cannot be told right now. Try again soon.");
    }
  }

  async #show(now: number): Promise<void> {
    const { store, times, metrics, broadcast } = this.#deps;
    if (this.#watched.size === 0) return;
    const known = new Map([...this.#watched].map(([room, { view }]) => [room, view?.version ?? null]));
    const found = await store.read(known, LISTED);
    for (const [room, watched] of this.#watched) {
      const next = found.get(room);
      if (watched.view === null) {
        if (next === undefined) continue; // asked about since
        watched.view = new View(room, next, now);
      } else if (known.has(room)) {
        const frames = next === undefined ? [] : watched.view.change(next);
        for (const { type, payload } of [...frames, ...watched.view.refresh(now, times.countEvery)]) {
          if (watched.connections.size === 0) continue;
          metrics.sent(type, watched.connections.size);
          broadcast(topicOf(room), encode(type, payload));
        }
      }
      this.#greet(room, watched, watched.view);
    }
  }

  #greet(room: string, { connections, fresh }: Watched, { first }: View): void {
    if (fresh.size === 0) return;
    const frame = encode(first.type, first.payload);
    for (const connection of fresh) {
      this.#deps.sender.send(connection, first.type, frame);
      connection.socket?.subscribe(topicOf(room));
      connections.add(connection);
    }
    fresh.clear();
  }

  #unwatch(connection: Connection, room: string): void {
    const watched = this.#watched.get(room);
    if (watched === undefined) return;
    if (watched.connections.delete(connection)) connection.socket?.unsubscribe(topicOf(room));
    watched.fresh.delete(connection);
    if (watched.connections.size === 0 && watched.fresh.size === 0) this.#watched.delete(room);
  }

  #counts(room: string): boolean {
    return this.#deps.policies.hasMembers(roomKind(room));
  }

  #nameOf(userId: string): string | null {
    const caller = this.#deps.rooms.people.of(userId)[0]?.caller;
    return caller?.kind === "user" ? caller.username : null;
  }

  *#here(): Generator<Change> {
    for (const { caller, rooms } of this.#deps.connections) {
      if (caller.kind !== "user") continue;
      const { userId, username } = caller;
      for (const { name } of rooms) if (this.#counts(name)) yield { room: name, userId, username };
    }
  }
}

function topicOf(room: string): string {
  return `presence:${room}`;
}

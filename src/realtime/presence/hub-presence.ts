import type { FramePayload } from "../../../protocol/frames.ts";
import { roomKind } from "../../../protocol/rooms.ts";
import type { Caller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import type { Connection } from "../connections/connection.ts";
import { encode } from "../connections/encode-frame.ts";
import type { FrameSender } from "../connections/frame-sender.ts";
import type { HubLogger, HubMetrics } from "../deps.ts";
import type { Policies } from "../rooms/policies.ts";
import type { Room } from "../rooms/room.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";
import { PresenceSnapshot, toPresencePayload } from "./presence-snapshot.ts";
import { PresenceState } from "./presence-state.ts";
import type { PresenceChange, PresenceStore } from "./presence-store.ts";
import { PresenceSync } from "./presence-sync.ts";
import { MAX_LISTED_MEMBERS, type PresenceTimes } from "./times.ts";

export interface HubPresenceDeps {
  store: PresenceStore;
  times: PresenceTimes;
  connections: readonly Connection[];
  rooms: RoomRegistry;
  policies: Policies;
  sender: FrameSender;
  metrics: HubMetrics;
  logger: HubLogger;
}

/** A room whose members are watched on this node. */
interface WatchedRoom {
  snapshot: PresenceSnapshot | null;
  /** Connections that get changes, by the room's second topic. */
  watchers: Set<Connection>;
  /** Connections that get the list at the next sync. */
  newWatchers: Set<Connection>;
}

/** Presence in rooms with a list of members: reports this node's connections, and sends them the changes they watch (SPEC PR). */
export class HubPresence {
  readonly #deps: HubPresenceDeps;
  readonly #state = new PresenceState();
  readonly #watched = new Map<string, WatchedRoom>();
  readonly #sync: PresenceSync;

  constructor(deps: HubPresenceDeps) {
    this.#deps = deps;
    const { store, times, logger } = deps;
    const getUsername = (userId: string) => this.#getUsername(userId);
    const listLocal = () => this.#listLocal();
    this.#sync = new PresenceSync({ store, times, logger, state: this.#state, getUsername, listLocal }, (now) =>
      this.#broadcastChanges(now),
    );
  }

  /** Whether the store works, and how many rooms' lists are watched on this node. */
  readonly getHealth = (): { up: boolean; watched: number } => ({ up: this.#sync.isUp, watched: this.#watched.size });

  start(): void {
    this.#sync.start();
  }

  stop(): Promise<void> {
    return this.#sync.stop();
  }

  /** A connection is live in a room. */
  joined({ caller }: Connection, { name }: Room): void {
    if (caller.kind === "user" && this.#hasMembers(name)) this.#state.markJoined(name, caller.userId);
  }

  /** A connection is no longer in a room, or no longer at all. */
  left(connection: Connection, room: Room): void {
    const { caller } = connection;
    this.#unwatch(connection, room.name);
    if (caller.kind !== "user" || !this.#hasMembers(room.name)) return;
    if (this.#deps.rooms.userConnections.get(caller.userId).some((other) => other.isIn(room))) return;
    this.#state.markLeft(room.name, caller.userId, performance.now() + this.#deps.times.grace);
  }

  /** A person has another name: lists have it from now on. */
  renamed(userId: string): void {
    for (const connection of this.#deps.rooms.userConnections.get(userId)) {
      for (const room of connection.rooms) this.joined(connection, room);
    }
  }

  /** The connection watches a room that it is in: it gets the list with the next sync, then changes. */
  readonly watch = (connection: Connection, room: Room): void => {
    if (connection.socket === null || !this.#hasMembers(room.name) || !connection.isIn(room)) return;
    const watched = this.#watched.get(room.name) ?? { snapshot: null, watchers: new Set(), newWatchers: new Set() };
    watched.newWatchers.add(connection);
    this.#watched.set(room.name, watched);
  };

  /** Who is in a room now. Throws `not_found` for a room without a list of members, `unavailable`. */
  async get(room: string): Promise<FramePayload<"room:presence">> {
    if (!this.#hasMembers(room)) throw new AppError("not_found", "This room has no list of who is in it.");
    try {
      const found = await this.#deps.store.read(new Map([[room, null]]), MAX_LISTED_MEMBERS);
      return toPresencePayload(room, found.get(room)!);
    } catch (error) {
      this.#deps.logger.warn({ err: error, room }, "the presence of a room could not be read");
      throw new AppError("unavailable", "Who is in this room cannot be read right now. Try again soon.");
    }
  }

  /** The same for a caller; throws AppError also when they may not see it. */
  readonly getFor = async (caller: Caller, room: string): Promise<FramePayload<"room:presence">> => {
    await this.#deps.policies.requirePresenceAccess(caller, room);
    return this.get(room);
  };

  async #broadcastChanges(now: number): Promise<void> {
    const { store, times, metrics, sender } = this.#deps;
    if (this.#watched.size === 0) return;
    const known = new Map([...this.#watched].map(([room, { snapshot }]) => [room, snapshot?.version ?? null]));
    const found = await store.read(known, MAX_LISTED_MEMBERS);
    // Where the store has lost its data since this sync's write, people are missing in it who have not left.
    if (found.size > 0 && !(await store.write([], times.ttl)))
      throw new Error("the presence store may have lost data since the write of this sync");
    for (const [room, watched] of this.#watched) {
      const next = found.get(room);
      if (watched.snapshot === null) {
        if (next === undefined) continue; // watched since the read
        watched.snapshot = new PresenceSnapshot(room, next, now);
      } else if (known.has(room)) {
        const frames = next === undefined ? [] : watched.snapshot.update(next);
        for (const { type, payload } of [...frames, ...watched.snapshot.refresh(now, times.countInterval)]) {
          if (watched.watchers.size === 0) continue;
          metrics.sent(type, watched.watchers.size);
          sender.publishToTopic(getTopic(room), encode(type, payload));
        }
      }
      this.#sendSnapshots(room, watched, watched.snapshot);
    }
  }

  #sendSnapshots(room: string, { watchers, newWatchers }: WatchedRoom, { full }: PresenceSnapshot): void {
    if (newWatchers.size === 0) return;
    const frame = encode(full.type, full.payload);
    for (const connection of newWatchers) {
      this.#deps.sender.send(connection, full.type, frame);
      connection.socket?.subscribe(getTopic(room));
      watchers.add(connection);
    }
    newWatchers.clear();
  }

  #unwatch(connection: Connection, room: string): void {
    const watched = this.#watched.get(room);
    if (watched === undefined) return;
    if (watched.watchers.delete(connection)) connection.socket?.unsubscribe(getTopic(room));
    watched.newWatchers.delete(connection);
    if (watched.watchers.size === 0 && watched.newWatchers.size === 0) this.#watched.delete(room);
  }

  #hasMembers(room: string): boolean {
    return this.#deps.policies.hasMembers(roomKind(room));
  }

  #getUsername(userId: string): string | null {
    const caller = this.#deps.rooms.userConnections.get(userId)[0]?.caller;
    return caller?.kind === "user" ? caller.username : null;
  }

  *#listLocal(): Generator<PresenceChange> {
    for (const { caller, rooms } of this.#deps.connections) {
      if (caller.kind !== "user") continue;
      const { userId, username } = caller;
      for (const { name } of rooms) if (this.#hasMembers(name)) yield { room: name, userId, username };
    }
  }
}

function getTopic(room: string): string {
  return `presence:${room}`;
}

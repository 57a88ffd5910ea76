import type { Code } from "../../../protocol/codes.ts";
import { AppError } from "../../platform/errors.ts";
import type { LogReader } from "../../platform/log/reader.ts";
import type { Connection } from "../connections/connection.ts";
import { encode } from "../connections/encode-frame.ts";
import type { FrameSender } from "../connections/frame-sender.ts";
import type { HubLogger, HubMetrics } from "../deps.ts";
import {
  MAX_BACKLOG_BYTES,
  MAX_BACKLOG_BYTES_PER_COMMAND,
  MAX_BACKLOG_BYTES_PER_NODE,
  MAX_BACKLOG_ROWS,
  REPLAY_SLICE_BYTES,
} from "../limits/fixed-limits.ts";
import type { Policies } from "../rooms/policies.ts";
import { encodeEntry, type Room } from "../rooms/room.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";
import { PendingJoin } from "./pending-join.ts";

/** A room that a client wants to be in, from `since` on (null: from now on). */
export interface JoinRequest {
  room: string;
  since: number | null;
  /** Whether the client wants to see who is in it. */
  presence?: boolean;
}

/** The part of the reply about one room. With a `code` the connection is not in the room. */
export interface JoinOutcome {
  room: string;
  seq: number;
  recovered: boolean;
  members: number;
  code: Code | null;
}

export interface JoinDeps {
  rooms: RoomRegistry;
  policies: Policies;
  log: LogReader;
  sender: FrameSender;
  metrics: HubMetrics;
  logger: HubLogger;
  epoch: () => string;
  roomsPerConnection: number;
  /** A connection that is now in a room wants to see who is in it. */
  watch?: (connection: Connection, room: Room) => void;
}

/** Checks of rights and reads of the log before a join fails; normally it takes one of each. */
const MAX_STEPS = 20;

/** Joins connections to rooms: rights, missed entries, and the change to live frames, without a gap or a repeat (SPEC JN, RC). */
export class Joins {
  readonly #deps: JoinDeps;
  /** Bytes of backlog in memory for slow sockets. */
  #backlogBytes = 0;

  constructor(deps: JoinDeps) {
    this.#deps = deps;
  }

  /**
   * Calls `reply`, which sends one; after it the missed frames are sent, paced by the socket, and after its own backlog each room
   * goes live. Throws when the rights or the log cannot be read; the connection is then in none of the rooms, and live in its
   * person's own.
   */
  async join(
    connection: Connection,
    requests: readonly JoinRequest[],
    reply: (outcomes: JoinOutcome[]) => void,
  ): Promise<void> {
    const { rooms } = this.#deps;
    const pendingJoins = requests.map(({ room, since, presence }) => {
      rooms.leave(connection, rooms.open(room));
      return new PendingJoin(connection, rooms.open(room), since, presence);
    });
    try {
      for (let step = 0; ; step++) {
        const pending = this.#prepare(pendingJoins);
        if (pending === null) break;
        if (step === MAX_STEPS)
          throw new AppError("unavailable", "This room is too busy to join right now. Try again.");
        await pending;
      }
    } catch (error) {
      for (const join of pendingJoins) this.#end(join);
      throw error;
    }
    // Since that last check nothing else has run, and nothing will until the first await inside #replay: the check that all rights
    // are known and nothing is missing, the reply, the backlog and going live are one step.
    if (connection.socket === null) {
      for (const join of pendingJoins) this.#end(join);
      return;
    }
    reply(this.#decide(pendingJoins));
    void this.#replayAll(pendingJoins.filter((join) => !join.isRefused));
  }

  /** Checks rights that are not known, else reads what was missed and is not in memory; null when neither is needed. */
  #prepare(pendingJoins: readonly PendingJoin[]): Promise<unknown> | null {
    const waiting = pendingJoins.filter((join) => !join.isRefused);
    const unauthorized = waiting.filter((join) => join.state.kind === "unauthorized");
    if (unauthorized.length > 0) return this.#authorize(unauthorized);
    const lagging = waiting.filter((join) => !join.canGoLive);
    return lagging.length > 0 ? Promise.all(lagging.map((join) => this.#read(join))) : null;
  }

  async #authorize(pendingJoins: readonly PendingJoin[]): Promise<void> {
    for (const join of pendingJoins) join.startAuthorization();
    const requests = pendingJoins.map(({ connection, room }) => ({ caller: connection.caller, room: room.name }));
    const refusals = await this.#deps.policies.authorize(requests);
    pendingJoins.forEach((join, index) => {
      const refusal = refusals[index] ?? null;
      if (refusal !== null) join.refuse(refusal);
    });
  }

  async #read(join: PendingJoin): Promise<void> {
    const { room } = join;
    const { log } = this.#deps;
    if (join.needsReset) {
      const head = (await log.heads([room.name])).get(room.name) ?? 0;
      this.#startAtHead(join, head);
      return;
    }
    // The client may be ahead of this node: then what the node lacks is read too, and published to the other members first.
    const since = room.isPositioned ? Math.min(join.from, room.next - 1) : join.from;
    const slice = await log.slice(room.name, since);
    if (!slice.complete || slice.head < join.from) {
      join.needsReset = true;
      this.#startAtHead(join, slice.head);
      return;
    }
    room.setHead(since, slice.head);
    for (const entry of slice.entries) room.ingest(entry);
    if (room.framesAfter(join.from) !== null) return;
    for (const entry of slice.entries) if (entry.seq > join.from) join.frames.push(encodeEntry(entry));
    join.from = slice.head;
  }

  /**
   * Sets the room's position to its head, unless it is known. Entries up to there are not read, and one that was written after the
   * rights were checked may have removed a person: they are checked again.
   */
  #startAtHead({ room }: PendingJoin, head: number): void {
    if (!room.isPositioned && this.#deps.policies.canExpel(room.name))
      for (const join of room.pendingJoins ?? []) join.requireAuthorization();
    room.setHead(head, head);
  }

  #decide(pendingJoins: readonly PendingJoin[]): JoinOutcome[] {
    const { metrics } = this.#deps;
    let budget = MAX_BACKLOG_BYTES_PER_COMMAND;
    let free = this.#deps.roomsPerConnection - countRooms(pendingJoins[0]?.connection);
    return pendingJoins.map((join) => {
      const { room } = join;
      if (!join.isRefused && join.connection.countsAsMember(room) && --free < 0) join.refuse("too_many_rooms");
      const { state } = join;
      if (state.kind === "refused") {
        this.#end(join);
        metrics.recovery("refused");
        return {
          room: room.name,
          seq: 0,
          recovered: false,
          members: 0,
          code: state.code === "left" ? "conflict" : state.code,
        };
      }
      if (!join.needsReset) {
        for (const frame of room.framesAfter(join.from)!) join.frames.push(frame);
        const bytes = getByteLength(join.frames);
        if (join.frames.length > MAX_BACKLOG_ROWS || bytes > Math.min(MAX_BACKLOG_BYTES, budget))
          join.needsReset = true;
        else if (bytes > REPLAY_SLICE_BYTES && this.#backlogBytes > MAX_BACKLOG_BYTES_PER_NODE) join.needsReset = true;
        else budget -= bytes;
      }
      if (join.needsReset) join.frames = [];
      join.from = room.next - 1;
      join.startReplay();
      if (join.since !== null) metrics.recovery(join.needsReset ? "reset" : "recovered");
      return { room: room.name, seq: join.from, recovered: !join.needsReset, members: room.members + 1, code: null };
    });
  }

  async #replayAll(pendingJoins: readonly PendingJoin[]): Promise<void> {
    const bytes = pendingJoins.reduce((sum, join) => sum + getByteLength(join.frames), 0);
    this.#backlogBytes += bytes;
    for (const join of pendingJoins) {
      try {
        await this.#replay(join);
      } catch (error) {
        this.#deps.logger.error({ err: error, connection: join.connection.id }, "a replay failed");
        if (!join.isRefused) this.#deps.sender.sendLeft(join.connection, join.room.name, "unavailable");
      } finally {
        this.#end(join);
      }
    }
    this.#backlogBytes -= bytes;
  }

  #end(join: PendingJoin): void {
    join.end();
    this.#deps.rooms.evictIfEmpty(join.room);
  }

  /** Sends the backlog in slices, then what came meanwhile, and goes live in the tick in which nothing is left to send. */
  async #replay(join: PendingJoin): Promise<void> {
    const { connection, room } = join;
    let sent = 0;
    while (!join.isRefused && connection.socket !== null) {
      sent = this.#sendSlice(connection, join.frames, sent);
      if (sent < join.frames.length) {
        // Without unsent bytes no drain event comes: then only let other work run.
        if (connection.socket.getBufferedAmount() > 0) await connection.waitForDrain();
        else await new Promise(setImmediate);
        continue;
      }
      const more = room.framesAfter(join.from);
      if (more !== null && more.length === 0) {
        this.#deps.rooms.join(connection, room);
        // In the same tick: a person's own room sends nothing to connections with a pending join.
        this.#end(join);
        if (join.wantsPresence) this.#deps.watch?.(connection, room);
        return;
      }
      sent = 0;
      join.frames = more ?? [];
      if (more !== null) join.from = room.next - 1;
      else await this.#catchUp(join);
    }
  }

  /** What came during a slow replay is no longer in memory: the log has it, or the client reloads the state (SPEC RC-6). */
  async #catchUp(join: PendingJoin): Promise<void> {
    const { connection, room } = join;
    await this.#read(join);
    if (!join.needsReset || join.isRefused) return;
    join.from = room.next - 1;
    join.needsReset = false;
    const payload = {
      room: room.name,
      seq: join.from,
      epoch: this.#deps.epoch(),
      recovered: false,
      members: room.members + 1,
    };
    this.#deps.sender.send(connection, "room:joined", encode("room:joined", payload));
  }

  /** Sends as many frames as the socket's buffer should hold, in one write. Returns how many frames have been sent. */
  #sendSlice(connection: Connection, frames: readonly string[], from: number): number {
    const { socket } = connection;
    if (socket === null || from === frames.length) return from;
    let freeBytes = REPLAY_SLICE_BYTES - socket.getBufferedAmount();
    let to = from;
    while (to < frames.length && freeBytes > 0) freeBytes -= Buffer.byteLength(frames[to++]!);
    if (to > from) this.#deps.sender.sendAll(connection, frames.slice(from, to));
    return to;
  }
}

/** Rooms that a connection is in, and those that it will be in after its backlog. */
function countRooms(connection: Connection | undefined): number {
  const pendingJoins = [...(connection?.pendingJoins ?? [])].filter((join) => join.countsAsMember);
  return (connection?.rooms.length ?? 0) + pendingJoins.length;
}

function getByteLength(frames: readonly string[]): number {
  return frames.reduce((sum, frame) => sum + Buffer.byteLength(frame), 0);
}

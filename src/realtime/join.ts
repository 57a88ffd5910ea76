import type { Code } from "../../protocol/codes.ts";
import { AppError } from "../platform/errors.ts";
import type { LogReader } from "../platform/log/reader.ts";
import type { Connection } from "./connection.ts";
import type { HubLogger, HubMetrics } from "./deps.ts";
import { encode, encodeEntry } from "./encode.ts";
import { Entering } from "./entering.ts";
import { BACKLOG_BYTES, BACKLOG_PER_COMMAND, BACKLOG_PER_NODE, BACKLOG_ROWS, REPLAY_SLICE } from "./limits.ts";
import type { Policies } from "./policies.ts";
import type { Room } from "./room.ts";
import type { Rooms } from "./rooms.ts";
import type { Sender } from "./sender.ts";

/** A room that a client wants to be in, from `since` on (null: from now on). */
export interface Ask {
  room: string;
  since: number | null;
  /** Whether the client wants to see who is in it. */
  presence?: boolean;
}

/** What the client is told of it. With a `code` it is not in the room. */
export interface Outcome {
  room: string;
  seq: number;
  recovered: boolean;
  members: number;
  code: Code | null;
}

export interface JoinDeps {
  rooms: Rooms;
  policies: Policies;
  log: LogReader;
  sender: Sender;
  metrics: HubMetrics;
  logger: HubLogger;
  epoch: () => string;
  roomsPerConnection: number;
  /** A connection that is now in a room wants to see who is in it. */
  watch?: (connection: Connection, room: Room) => void;
}

/** Of asking and reading, before a join gives up; one of each is the rule. */
const MOST_ROUNDS = 20;

/** Brings connections into rooms: rights, what was missed, and the step into the live stream, without a gap or a repeat (SPEC JN, RC). */
export class Joins {
  readonly #deps: JoinDeps;
  /** Bytes of backlog in memory for sockets that take them slowly. */
  #held = 0;

  constructor(deps: JoinDeps) {
    this.#deps = deps;
  }

  /**
   * Calls `answer`, which sends one; behind it go the missed frames, paced by the socket, and behind its own each room goes
   * live. Throws when rights or log cannot be asked; the connection is then in none of the rooms, and
   * live in its person's own.
   */
  async enter(connection: Connection, asks: readonly Ask[], answer: (outcomes: Outcome[]) => void): Promise<void> {
    const { rooms } = this.#deps;
    const entering = asks.map(({ room, since, presence }) => {
      rooms.leave(connection, rooms.open(room));
      return new Entering(connection, rooms.open(room), since, presence);
    });
    try {
      for (let rounds = 0; ; rounds++) {
        const lacking = this.#gather(entering);
        if (lacking === null) break;
        if (rounds === MOST_ROUNDS)
          throw new AppError("unavailable", "This room is too busy to join right now. Try again.");
        await lacking;
      }
    } catch (error) {
      for (const e of entering) this.#end(e);
      throw error;
    }
    // Since that last look nothing else has run, and nothing will until the first await inside #replay: that all rights are
    // beyond doubt and nothing is missing, the answer, the backlog and going live are one step.
    if (connection.socket === null) {
      for (const e of entering) this.#end(e);
      return;
    }
    answer(this.#decide(entering));
    void this.#replayAll(entering.filter((e) => e.refused === null));
  }

  /** Asks for rights in doubt, else reads what was missed and is not in memory; null when neither is needed. */
  #gather(entering: readonly Entering[]): Promise<unknown> | null {
    const waiting = entering.filter((e) => e.refused === null);
    const doubtful = waiting.filter((e) => e.doubtful);
    if (doubtful.length > 0) return this.#authorize(doubtful);
    const short = waiting.filter((e) => !e.meets);
    return short.length > 0 ? Promise.all(short.map((e) => this.#read(e))) : null;
  }

  async #authorize(doubtful: readonly Entering[]): Promise<void> {
    for (const e of doubtful) e.doubtful = false;
    const asks = doubtful.map(({ connection, room }) => ({ caller: connection.caller, room: room.name }));
    const refusals = await this.#deps.policies.authorize(asks);
    doubtful.forEach((e, place) => {
      e.refused ??= refusals[place] ?? null;
    });
  }

  async #read(e: Entering): Promise<void> {
    const { room } = e;
    const { log } = this.#deps;
    if (e.reset) {
      const head = (await log.heads([room.name])).get(room.name) ?? 0;
      this.#begin(e, head);
      return;
    }
    // The client may be ahead of this node: then what the node lacks is read too, and shown to the others first.
    const since = room.known ? Math.min(e.from, room.next - 1) : e.from;
    const slice = await log.slice(room.name, since);
    if (!slice.complete || slice.head < e.from) {
      e.reset = true;
      this.#begin(e, slice.head);
      return;
    }
    room.learn(since, slice.head);
    for (const entry of slice.entries) room.offer(entry);
    if (room.framesAfter(e.from) !== null) return;
    for (const entry of slice.entries) if (entry.seq > e.from) e.frames.push(encodeEntry(entry));
    e.from = slice.head;
  }

  /**
   * The room's place is its head, unless the room is known. Entries up to there are not looked at, and one that was written since
   * the rights were asked may have taken somebody out: they are asked again.
   */
  #begin({ room }: Entering, head: number): void {
    if (!room.known && this.#deps.policies.canExpel(room.name)) for (const e of room.entering ?? []) e.doubtful = true;
    room.learn(head, head);
  }

  #decide(entering: readonly Entering[]): Outcome[] {
    const { metrics } = this.#deps;
    let budget = BACKLOG_PER_COMMAND;
    let free = this.#deps.roomsPerConnection - placesOf(entering[0]?.connection);
    return entering.map((e) => {
      const { room } = e;
      if (e.refused === null && e.connection.takesPlace(room) && --free < 0) e.refused = "too_many_rooms";
      if (e.refused !== null) {
        this.#end(e);
        metrics.recovery("refused");
        return {
          room: room.name,
          seq: 0,
          recovered: false,
          members: 0,
          code: e.refused === "gone" ? "conflict" : e.refused,
        };
      }
      if (!e.reset) {
        for (const frame of room.framesAfter(e.from)!) e.frames.push(frame);
        const bytes = sizeOf(e.frames);
        if (e.frames.length > BACKLOG_ROWS || bytes > Math.min(BACKLOG_BYTES, budget)) e.reset = true;
        else if (bytes > REPLAY_SLICE && this.#held > BACKLOG_PER_NODE) e.reset = true;
        else budget -= bytes;
      }
      if (e.reset) e.frames = [];
      e.from = room.next - 1;
      e.answered = true;
      if (e.since !== null) metrics.recovery(e.reset ? "reset" : "recovered");
      return { room: room.name, seq: e.from, recovered: !e.reset, members: room.members + 1, code: null };
    });
  }

  async #replayAll(entering: readonly Entering[]): Promise<void> {
    const held = entering.reduce((sum, e) => sum + sizeOf(e.frames), 0);
    this.#held += held;
    for (const e of entering) {
      try {
        await this.#replay(e);
      } catch (error) {
        this.#deps.logger.error({ err: error, connection: e.connection.id }, "a replay failed");
        if (e.refused === null) this.#deps.sender.left(e.connection, e.room.name, "unavailable");
      } finally {
        this.#end(e);
      }
    }
    this.#held -= held;
  }

  #end(e: Entering): void {
    e.end();
    this.#deps.rooms.rest(e.room);
  }

  /** Sends the backlog in slices, then what came meanwhile, and goes live in the tick in which nothing is left. */
  async #replay(e: Entering): Promise<void> {
    const { connection, room } = e;
    let sent = 0;
    while (e.refused === null && connection.socket !== null) {
      sent = this.#sendSlice(connection, e.frames, sent);
      if (sent < e.frames.length) {
        // Without unsent bytes no drain event comes; then only the turn goes to others.
        if (connection.socket.getBufferedAmount() > 0) await connection.drained();
        else await new Promise(setImmediate);
        continue;
      }
      const more = room.framesAfter(e.from);
      if (more !== null && more.length === 0) {
        this.#deps.rooms.enter(connection, room);
        // In the same tick: a person's own room shows nothing to who is on the way in.
        this.#end(e);
        if (e.presence) this.#deps.watch?.(connection, room);
        return;
      }
      sent = 0;
      e.frames = more ?? [];
      if (more !== null) e.from = room.next - 1;
      else await this.#catchUp(e);
    }
  }

  /** What came during a slow replay is no longer in memory: the log has it, or the client starts anew (SPEC RC-6). */
  async #catchUp(e: Entering): Promise<void> {
    const { connection, room } = e;
    await this.#read(e);
    if (!e.reset || e.refused !== null) return;
    e.from = room.next - 1;
    e.reset = false;
    const payload = {
      room: room.name,
      seq: e.from,
      epoch: this.#deps.epoch(),
      recovered: false,
      members: room.members + 1,
    };
    this.#deps.sender.send(connection, "room:joined", encode("room:joined", payload));
  }

  /** Sends as many frames as the socket's buffer should hold, in one write. Answers how many of them are sent now. */
  #sendSlice(connection: Connection, frames: readonly string[], from: number): number {
    const { socket } = connection;
    if (socket === null || from === frames.length) return from;
    let room = REPLAY_SLICE - socket.getBufferedAmount();
    let to = from;
    while (to < frames.length && room > 0) room -= Buffer.byteLength(frames[to++]!);
    if (to > from) this.#deps.sender.sendAll(connection, frames.slice(from, to));
    return to;
  }
}

/** Places in rooms that a connection has, and those that it will have behind a backlog. */
function placesOf(connection: Connection | undefined): number {
  const arriving = [...(connection?.arriving ?? [])].filter((e) => e.holdsPlace);
  return (connection?.rooms.length ?? 0) + arriving.length;
}

function sizeOf(frames: readonly string[]): number {
  return frames.reduce((sum, frame) => sum + Buffer.byteLength(frame), 0);
}

import { AppError } from "../platform/errors.ts";
import { outOfBounds } from "../platform/json-bounds.ts";
import type { Broker } from "./broker/broker.ts";
import { roomsOfCommand } from "./command-rooms.ts";
import type { Connection } from "./connection.ts";
import { headOf } from "./encode.ts";
import type { Tapped, TapTarget } from "./index.ts";
import { FRAME_VALUES } from "./limits.ts";
import { parse } from "./parse.ts";
import type { People } from "./people.ts";
import type { Room } from "./room.ts";

/** What admins may watch at once from one node. */
const MOST_TAPS = 10;
/** Of a frame, at most so much is shown; characters. */
const MOST_TEXT = 1_000;
/** Lines that wait for the next turn of sending; more are left out, and how many is told. */
const MOST_WAITING = 500;
const SEND_MS = 50;
/** A watcher says so often, in ms, that he is still there; after three times nobody believes it any more. */
const STILL_MS = 5_000;

interface Tap extends TapTarget {
  /** performance.now() at which it ends, unless it is renewed. */
  until: number;
  waiting: Tapped[];
  leftOut: number;
  tell(lines: readonly Tapped[], leftOut: number): void;
}

interface Still extends TapTarget {
  id: string;
}

interface Lines {
  id: string;
  lines: Tapped[];
  leftOut: number;
}

/**
 * Shows admins the frames of one person or room as they go, on whichever node. Nodes tell each other what is watched and what was
 * seen by words that are not kept; while nothing is watched it costs one look at `active`.
 */
export class Taps {
  active = false;
  readonly #taps = new Map<string, Tap>();
  /** Of this node's own admins: who gets what other nodes saw. */
  readonly #watchers = new Map<string, Tap["tell"]>();
  readonly #broker: Broker;
  readonly #people: People;
  readonly #node: () => string;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** @param node this node's number at present */
  constructor(broker: Broker, people: People, node: () => string) {
    this.#broker = broker;
    this.#people = people;
    this.#node = node;
    broker.on("tap", (word) => {
      const { id, ...target } = word as Still;
      this.#add(id, target, 3 * STILL_MS, (lines, leftOut) =>
        broker.send("tapped", { id, lines: [...lines], leftOut } satisfies Lines),
      );
    });
    broker.on("untap", (word) => this.#remove((word as Still).id));
    broker.on("tapped", (word) => {
      const { id, lines, leftOut } = word as Lines;
      this.#watchers.get(id)?.(lines, leftOut);
    });
  }

  /** Returns what ends it. Throws `rate_limited` when too many watch. */
  watch(target: TapTarget, tell: Tap["tell"]): () => void {
    if (this.#watchers.size >= MOST_TAPS) throw new AppError("rate_limited", `At most ${MOST_TAPS} traces at once.`);
    const id = crypto.randomUUID();
    this.#watchers.set(id, tell);
    this.#add(id, target, Number.POSITIVE_INFINITY, tell);
    const still = () => this.#broker.send("tap", { id, ...target } satisfies Still);
    still();
    const timer = setInterval(still, STILL_MS);
    return () => {
      clearInterval(timer);
      this.#watchers.delete(id);
      this.#remove(id);
      this.#broker.send("untap", { id });
    };
  }

  /** A frame that a client has sent. */
  received(connection: Connection, frame: string): void {
    for (const tap of this.#taps.values()) {
      const shown = this.#isOf(connection, tap)
        ? shownOf(frame)
        : tap.room === undefined
          ? null
          : ofRoom(frame, tap.room);
      if (shown === null) continue;
      this.#note(tap, { ...this.#line(connection), direction: "in", bytes: Buffer.byteLength(frame), ...shown });
    }
  }

  /** A frame for one connection. */
  sent(connection: Connection, frame: string): void {
    for (const tap of this.#taps.values()) {
      const { room, seq } = headOf(frame);
      if (!this.#isOf(connection, tap) && (room === null || room !== tap.room)) continue;
      this.#note(tap, { ...this.#line(connection), ...outgoing(frame), room, seq });
    }
  }

  /** A frame for all who are in a room. */
  shown(room: Room, frame: string): void {
    for (const tap of this.#taps.values()) {
      const line = { ...outgoing(frame), room: room.name, seq: headOf(frame).seq };
      if (tap.room === room.name)
        this.#note(tap, { connection_id: null, user_id: null, ...line, connections: room.members });
      if (tap.userId === undefined) continue;
      for (const connection of this.#people.of(tap.userId))
        if (connection.isIn(room)) this.#note(tap, { ...this.#line(connection), ...line });
    }
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#taps.clear();
    this.active = false;
  }

  #isOf({ caller }: Connection, { userId }: TapTarget): boolean {
    return userId !== undefined && caller.kind === "user" && caller.userId === userId;
  }

  #line(connection: Connection) {
    const { caller } = connection;
    const user_id = caller.kind === "user" ? caller.userId : null;
    return { connection_id: `${this.#node()}-${connection.id}`, user_id, room: null, seq: null, connections: 1 };
  }

  #note(tap: Tap, line: Omit<Tapped, "at" | "node">): void {
    if (tap.waiting.length < MOST_WAITING)
      tap.waiting.push({ at: new Date().toISOString(), node: this.#node(), ...line });
    else tap.leftOut++;
  }

  #add(id: string, { room, userId }: TapTarget, ms: number, tell: Tap["tell"]): void {
    const until = performance.now() + ms;
    const known = this.#taps.get(id);
    if (known !== undefined) known.until = until;
    else if (this.#taps.size < 10 * MOST_TAPS)
      this.#taps.set(id, { room, userId, until, waiting: [], leftOut: 0, tell });
    this.active = true;
    this.#timer ??= setInterval(() => this.#turn(), SEND_MS);
  }

  #remove(id: string): void {
    this.#taps.delete(id);
    this.active = this.#taps.size > 0;
    if (this.active || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #turn(): void {
    const now = performance.now();
    for (const [id, tap] of this.#taps) {
      const { waiting, leftOut } = tap;
      tap.waiting = [];
      tap.leftOut = 0;
      if (waiting.length > 0) tap.tell(waiting, leftOut);
      if (tap.until < now) this.#remove(id);
    }
  }
}

function outgoing(frame: string): Pick<Tapped, "direction" | "type" | "bytes" | "text"> {
  return { direction: "out", bytes: Buffer.byteLength(frame), ...shownOf(frame) };
}

interface Shown {
  type: string;
  text: string | null;
}

/**
 * What is shown of a command to somebody who watches a room; null: it is about another one. The room is the one that the command's
 * handler will take, never what merely stands in its text; of a command for many rooms only the part for this one is shown.
 */
function ofRoom(frame: string, room: string): Shown | null {
  const parsed = parse(frame);
  if ("error" in parsed) return null;
  const { type, payload } = parsed.frame;
  if (!roomsOfCommand(type, payload).includes(room)) return null;
  if (type !== "system:resume") return shownOf(frame);
  const { rooms } = payload as { rooms: Record<string, unknown> };
  return shownOf(JSON.stringify({ type, payload: { rooms: { [room]: rooms[room] } } }));
}

const SECRET = /token|password|secret|authorization|cookie/i;

/** Runs for each value of a frame. Numbers are shown as they are written. */
function shownValue(key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  if (SECRET.test(key)) return "[redacted]";
  return typeof value === "number" && source !== undefined ? rawJSON(source) : value;
}

// ES2026 (proposal-json-parse-with-source); the types do not know it yet.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** What an admin sees of a frame. What cannot be read, and what proves who somebody is, is left out. */
function shownOf(frame: string): Shown {
  if (outOfBounds(frame, FRAME_VALUES) !== null) return { type: "?", text: null };
  try {
    const parsed = JSON.parse(frame, shownValue);
    const type = typeof parsed?.type === "string" ? parsed.type.slice(0, 64) : "?";
    return { type, text: JSON.stringify(parsed).slice(0, MOST_TEXT) };
  } catch {
    return { type: "?", text: null };
  }
}

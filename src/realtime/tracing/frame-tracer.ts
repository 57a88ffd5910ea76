import { AppError } from "../../platform/errors.ts";
import { checkJsonBounds } from "../../platform/json-bounds.ts";
import type { Broker } from "../broker/broker.ts";
import type { Connection } from "../connections/connection.ts";
import { parseFrameHead } from "../connections/encode-frame.ts";
import { parseFrame } from "../connections/parse-frame.ts";
import type { UserConnections } from "../connections/user-connections.ts";
import type { TracedFrame, TraceTarget } from "../index.ts";
import { MAX_FRAME_VALUES } from "../limits/fixed-limits.ts";
import { getCommandRooms } from "../rooms/command-rooms.ts";
import type { Room } from "../rooms/room.ts";

/** What admins may watch at once from one node. */
const MAX_TRACES = 10;
/** Of a frame, at most so much is shown; characters. */
const MAX_TEXT_CHARS = 1_000;
/** Lines that wait for the next turn of sending; more are left out, and how many is told. */
const MAX_WAITING_FRAMES = 500;
const SEND_MS = 50;
/** A watcher says so often, in ms, that it is still there; after three times nobody believes it any more. */
const RENEW_MS = 5_000;

interface Trace extends TraceTarget {
  /** performance.now() at which it ends, unless it is renewed. */
  until: number;
  waiting: TracedFrame[];
  leftOut: number;
  onFrames(lines: readonly TracedFrame[], leftOut: number): void;
}

interface TraceRenewal extends TraceTarget {
  id: string;
}

interface TracedFrames {
  id: string;
  lines: TracedFrame[];
  leftOut: number;
}

/**
 * Shows admins the frames of one person or room as they go, on whichever node. Nodes tell each other what is watched and what was
 * seen by words that are not kept; while nothing is watched it costs one look at `isActive`.
 */
export class FrameTracer {
  isActive = false;
  readonly #traces = new Map<string, Trace>();
  /** Of this node's own admins: who gets what other nodes saw. */
  readonly #watchers = new Map<string, Trace["onFrames"]>();
  readonly #broker: Broker;
  readonly #userConnections: UserConnections;
  readonly #node: () => string;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** @param node this node's number at present */
  constructor(broker: Broker, userConnections: UserConnections, node: () => string) {
    this.#broker = broker;
    this.#userConnections = userConnections;
    this.#node = node;
    broker.on("tap", (message) => {
      const { id, ...target } = message as TraceRenewal;
      this.#add(id, target, 3 * RENEW_MS, (lines, leftOut) =>
        broker.send("tapped", { id, lines: [...lines], leftOut } satisfies TracedFrames),
      );
    });
    broker.on("untap", (word) => this.#remove((word as TraceRenewal).id));
    broker.on("tapped", (word) => {
      const { id, lines, leftOut } = word as TracedFrames;
      this.#watchers.get(id)?.(lines, leftOut);
    });
  }

  /** Returns what ends it. Throws `rate_limited` when too many watch. */
  trace(target: TraceTarget, onFrames: Trace["onFrames"]): () => void {
    if (this.#watchers.size >= MAX_TRACES) throw new AppError("rate_limited", `At most ${MAX_TRACES} traces at once.`);
    const id = crypto.randomUUID();
    this.#watchers.set(id, onFrames);
    this.#add(id, target, Number.POSITIVE_INFINITY, onFrames);
    const renew = () => this.#broker.send("tap", { id, ...target } satisfies TraceRenewal);
    renew();
    const timer = setInterval(renew, RENEW_MS);
    return () => {
      clearInterval(timer);
      this.#watchers.delete(id);
      this.#remove(id);
      this.#broker.send("untap", { id });
    };
  }

  /** A frame that a client has sent. */
  traceReceived(connection: Connection, frame: string): void {
    for (const trace of this.#traces.values()) {
      const shown = this.#belongsTo(connection, trace)
        ? redactFrame(frame)
        : trace.room === undefined
          ? null
          : redactForRoom(frame, trace.room);
      if (shown === null) continue;
      this.#record(trace, {
        ...this.#describe(connection),
        direction: "in",
        bytes: Buffer.byteLength(frame),
        ...shown,
      });
    }
  }

  /** A frame for one connection. */
  traceSent(connection: Connection, frame: string): void {
    for (const trace of this.#traces.values()) {
      const { room, seq } = parseFrameHead(frame);
      if (!this.#belongsTo(connection, trace) && (room === null || room !== trace.room)) continue;
      this.#record(trace, { ...this.#describe(connection), ...describeOutgoing(frame), room, seq });
    }
  }

  /** A frame for all who are in a room. */
  traceRoomFrame(room: Room, frame: string): void {
    for (const trace of this.#traces.values()) {
      const line = { ...describeOutgoing(frame), room: room.name, seq: parseFrameHead(frame).seq };
      if (trace.room === room.name)
        this.#record(trace, { connection_id: null, user_id: null, ...line, connections: room.members });
      if (trace.userId === undefined) continue;
      for (const connection of this.#userConnections.get(trace.userId))
        if (connection.isIn(room)) this.#record(trace, { ...this.#describe(connection), ...line });
    }
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#traces.clear();
    this.isActive = false;
  }

  #belongsTo({ caller }: Connection, { userId }: TraceTarget): boolean {
    return userId !== undefined && caller.kind === "user" && caller.userId === userId;
  }

  #describe(connection: Connection) {
    const { caller } = connection;
    const user_id = caller.kind === "user" ? caller.userId : null;
    return { connection_id: `${this.#node()}-${connection.id}`, user_id, room: null, seq: null, connections: 1 };
  }

  #record(trace: Trace, line: Omit<TracedFrame, "at" | "node">): void {
    if (trace.waiting.length < MAX_WAITING_FRAMES)
      trace.waiting.push({ at: new Date().toISOString(), node: this.#node(), ...line });
    else trace.leftOut++;
  }

  #add(id: string, { room, userId }: TraceTarget, ms: number, onFrames: Trace["onFrames"]): void {
    const until = performance.now() + ms;
    const known = this.#traces.get(id);
    if (known !== undefined) known.until = until;
    else if (this.#traces.size < 10 * MAX_TRACES)
      this.#traces.set(id, { room, userId, until, waiting: [], leftOut: 0, onFrames });
    this.isActive = true;
    this.#timer ??= setInterval(() => this.#flush(), SEND_MS);
  }

  #remove(id: string): void {
    this.#traces.delete(id);
    this.isActive = this.#traces.size > 0;
    if (this.isActive || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #flush(): void {
    const now = performance.now();
    for (const [id, trace] of this.#traces) {
      const { waiting, leftOut } = trace;
      trace.waiting = [];
      trace.leftOut = 0;
      if (waiting.length > 0) trace.onFrames(waiting, leftOut);
      if (trace.until < now) this.#remove(id);
    }
  }
}

function describeOutgoing(frame: string): Pick<TracedFrame, "direction" | "type" | "bytes" | "text"> {
  return { direction: "out", bytes: Buffer.byteLength(frame), ...redactFrame(frame) };
}

interface RedactedFrame {
  type: string;
  text: string | null;
}

/**
 * What is shown of a command to somebody who watches a room; null: it is about another one. The room is the one that the command's
 * handler will take, never what merely stands in its text; of a command for many rooms only the part for this one is shown.
 */
function redactForRoom(frame: string, room: string): RedactedFrame | null {
  const parsed = parseFrame(frame);
  if ("error" in parsed) return null;
  const { type, payload } = parsed.frame;
  if (!getCommandRooms(type, payload).includes(room)) return null;
  if (type !== "system:resume") return redactFrame(frame);
  const { rooms } = payload as { rooms: Record<string, unknown> };
  return redactFrame(JSON.stringify({ type, payload: { rooms: { [room]: rooms[room] } } }));
}

const SECRET = /token|password|secret|authorization|cookie/i;

/** Runs for each value of a frame. Numbers are shown as they are written. */
function redactValue(key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  if (SECRET.test(key)) return "[redacted]";
  return typeof value === "number" && source !== undefined ? rawJSON(source) : value;
}

// ES2026 (proposal-json-parse-with-source); the types do not know it yet.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** What an admin sees of a frame. What cannot be read, and what proves who somebody is, is left out. */
function redactFrame(frame: string): RedactedFrame {
  if (checkJsonBounds(frame, MAX_FRAME_VALUES) !== null) return { type: "?", text: null };
  try {
    const parsed = JSON.parse(frame, redactValue);
    const type = typeof parsed?.type === "string" ? parsed.type.slice(0, 64) : "?";
    return { type, text: JSON.stringify(parsed).slice(0, MAX_TEXT_CHARS) };
  } catch {
    return { type: "?", text: null };
  }
}

import { AppError } from "../../platform/errors.ts";
import { checkJsonBounds } from "../../platform/json-bounds.ts";
import type { Broker } from "../broker/broker.ts";
import { parseFrame } from "../connections/command-dispatcher.ts";
import type { Connection } from "../connections/connection.ts";
import { parseFrameHead } from "../connections/encode-frame.ts";
import type { UserConnections } from "../connections/user-connections.ts";
import type { TracedFrame, TraceTarget } from "../index.ts";
import { MAX_FRAME_VALUES } from "../limits/fixed-limits.ts";
import { getCommandRooms } from "../rooms/command-rooms.ts";
import type { Room } from "../rooms/room.ts";

/** Traces that the admins of one node may have open at once. */
const MAX_TRACES = 10;
/** Characters of a frame that are shown. */
const MAX_TEXT_CHARS = 1_000;
/** Frames that wait to be sent to the admin; more are left out, and their number is reported. */
const MAX_WAITING_FRAMES = 500;
const SEND_MS = 50;
/** ms after which a node renews its traces; a trace that is not renewed for three times as long ends. */
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
 * Shows admins the frames of one person or room live, on all nodes. Nodes send each other what is traced, and the traced frames,
 * by broker messages that are not stored; while nothing is traced it costs one read of `isActive`.
 */
export class FrameTracer {
  isActive = false;
  readonly #traces = new Map<string, Trace>();
  /** The callbacks of this node's own admins, for frames that other nodes traced. */
  readonly #listeners = new Map<string, Trace["onFrames"]>();
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
    broker.on("untap", (message) => this.#remove((message as TraceRenewal).id));
    broker.on("tapped", (message) => {
      const { id, lines, leftOut } = message as TracedFrames;
      this.#listeners.get(id)?.(lines, leftOut);
    });
  }

  /** Returns a function that ends the trace. Throws `rate_limited` when there are too many. */
  readonly trace = (target: TraceTarget, onFrames: Trace["onFrames"]): (() => void) => {
    if (this.#listeners.size >= MAX_TRACES) throw new AppError("rate_limited", `At most ${MAX_TRACES} traces at once.`);
    const id = crypto.randomUUID();
    this.#listeners.set(id, onFrames);
    this.#add(id, target, Number.POSITIVE_INFINITY, onFrames);
    const renew = () => this.#broker.send("tap", { id, ...target } satisfies TraceRenewal);
    renew();
    const timer = setInterval(renew, RENEW_MS);
    return () => {
      clearInterval(timer);
      this.#listeners.delete(id);
      this.#remove(id);
      this.#broker.send("untap", { id });
    };
  };

  /** A frame that a client has sent. */
  traceReceived(connection: Connection, frame: string): void {
    for (const trace of this.#traces.values()) {
      const redacted = this.#belongsTo(connection, trace)
        ? redactFrame(frame)
        : trace.room === undefined
          ? null
          : redactForRoom(frame, trace.room);
      if (redacted === null) continue;
      this.#record(trace, {
        ...this.#describe(connection),
        direction: "in",
        bytes: Buffer.byteLength(frame),
        ...redacted,
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

  /** A frame for all members of a room. */
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
 * What a trace of a room shows of a command; null: it is about another room. The room is the one that the command's handler will
 * use, never a name that is merely in its text; of a command for many rooms only the part for this one is shown.
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

/** What an admin sees of a frame. Text that cannot be parsed and credentials are left out. */
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

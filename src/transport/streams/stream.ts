import { CLOSE, type CloseReason, CODES, type Code, frameCode } from "../../../protocol/codes.ts";
import { AppError } from "../../platform/errors.ts";
import type { Connection, Hub, Socket } from "../../realtime/transport.ts";
import type { RoomResult, Sink, Stream, StreamFrame, StreamRequest } from "./index.ts";
import { toStreamFrame } from "./stream-frame.ts";
import type { Subscriber, Topics } from "./topics.ts";

export interface HubStreamDeps {
  hub: Hub;
  topics: Topics;
  sink: Sink;
  rooms: StreamRequest["rooms"];
  onClosed: () => void;
}

/** More unsent bytes than this, and the stream is cut (SPEC SL-2), as a WebSocket is. */
const MAX_UNSENT = 1_048_576;

/** An epoch that no log has: a position in it is invalid, and its room begins at the present. */
const NO_EPOCH = "-";

/** One stream: a socket for the hub, and for the transport what a client needs to resume. */
export class HubStream implements Stream, Socket, Subscriber {
  readonly roomResults: Promise<readonly RoomResult[]>;
  epoch = "";
  readonly #hub: Hub;
  readonly #topics: Topics;
  readonly #sink: Sink;
  readonly #onClosed: () => void;
  readonly #rooms: StreamRequest["rooms"];
  /** By the room's index in the list. */
  readonly #indexes = new Map<string, number>();
  readonly #seqs: (number | null)[];
  readonly #subscribed = new Set<string>();
  readonly #results: PromiseWithResolvers<readonly RoomResult[]>;
  #connection: Connection | null = null;
  #hasResults = false;
  /** Of the frames' texts: what was written, and what of it was no longer buffered at the last heartbeat. */
  #written = 0;
  #delivered = 0;

  constructor({ hub, topics, sink, rooms, onClosed }: HubStreamDeps) {
    this.#hub = hub;
    this.#topics = topics;
    this.#sink = sink;
    this.#onClosed = onClosed;
    this.#rooms = rooms;
    rooms.forEach(({ room }, index) => {
      this.#indexes.set(room, index);
    });
    this.#seqs = rooms.map(({ since }) => since?.seq ?? null);
    this.#results = Promise.withResolvers();
    this.roomResults = this.#results.promise;
    // No caller has to await the result.
    this.roomResults.catch(() => {});
  }

  /** Sends the first frame, and resumes all rooms in one command, as a WebSocket client that comes back does (SPEC RC-2). */
  start(connection: Connection): void {
    this.#connection = connection;
    this.#hub.opened(connection, this);
    if (this.#connection === null) return;
    const rooms = Object.fromEntries(
      this.#rooms.map(({ room, since }) => [room, since ?? { seq: 0, epoch: NO_EPOCH }]),
    );
    this.#hub.received(connection, JSON.stringify({ type: "system:resume", payload: { rooms } }));
  }

  positions(): readonly (number | null)[] {
    return this.#seqs;
  }

  count(frame: string | Uint8Array): boolean {
    return this.#connection !== null && this.#hub.admitFrame(this.#connection, frame);
  }

  command(frame: object): void {
    if (this.#connection !== null) this.#hub.receiveCommand(this.#connection, JSON.stringify(frame));
  }

  drained(): void {
    if (this.#connection !== null) this.#hub.drained(this.#connection);
  }

  closed(): void {
    this.#close("The client has gone.");
  }

  heartbeat(): void {
    this.#sink.heartbeat();
  }

  send(text: string): number {
    return this.deliver(toStreamFrame(text));
  }

  deliver(frame: StreamFrame): number {
    if (this.#connection === null) return 0;
    this.#updatePosition(frame);
    this.#sink.write(frame);
    this.#written += frame.text.length;
    const unsent = this.#sink.buffered();
    if (unsent > MAX_UNSENT) {
      this.terminate();
      return 0;
    }
    if (isStreamError(frame) || isRoomLost(frame)) this.#requestReconnect();
    return unsent > 0 ? -1 : frame.text.length;
  }

  subscribe(topic: string): void {
    this.#subscribed.add(topic);
    this.#topics.add(topic, this);
  }

  unsubscribe(topic: string): void {
    this.#subscribed.delete(topic);
    this.#topics.remove(topic, this);
  }

  cork(work: () => void): void {
    work();
  }

  /** A client that only listens is alive when it reads what it is sent: all of it, or some since the last heartbeat. */
  ping(): void {
    if (this.#connection === null) return;
    const unsent = this.#sink.buffered();
    const delivered = this.#written - unsent;
    if (unsent === 0 || delivered > this.#delivered) this.#hub.streamAlive(this.#connection);
    this.#delivered = delivered;
  }

  close(code: number): void {
    const [reason = "draining"] = REASONS.filter((name) => CLOSE[name].code === code);
    this.#end(reason);
  }

  terminate(): void {
    this.#end("cut");
  }

  getBufferedAmount(): number {
    return this.#sink.buffered();
  }

  /** Moves the position, before the frame is written: after the frame it is where the client is. */
  #updatePosition({ type, room, seq, text }: StreamFrame): void {
    if (room !== null) {
      const index = this.#indexes.get(room);
      if (index !== undefined) this.#seqs[index] = seq;
    } else if (type === "system:connected") this.epoch = JSON.parse(text).payload.epoch;
    else if (type === "system:resumed" && !this.#hasResults) this.#resumed(JSON.parse(text).payload.rooms);
    else if (type === "room:left") {
      const { room, code } = JSON.parse(text).payload;
      const index = this.#indexes.get(room);
      if (index !== undefined && code !== UNAVAILABLE) this.#seqs[index] = null;
    }
  }

  /** A room that is recovered is at the client's position until its missed frames come; another one is live from here. */
  #resumed(rooms: Record<string, { seq: number; recovered: boolean; code?: string }>): void {
    const results = this.#rooms.map(({ room, since }, index) => {
      const { seq, recovered, code } = rooms[room]!;
      this.#seqs[index] = code !== undefined ? null : recovered && since !== null ? since.seq : seq;
      return { room, recovered, code: code === undefined ? null : parseCode(code) };
    });
    this.#hasResults = true;
    this.#results.resolve(results);
  }

  /** No command can be repeated on a stream (SPEC RC-7): the client opens another one, at this one's position. */
  #requestReconnect(): void {
    if (this.#connection !== null) this.#end("draining");
  }

  #end(reason: CloseReason | "cut"): void {
    if (this.#connection === null) return;
    this.#close("The stream was closed.", reason);
    this.#sink.end(reason);
  }

  #close(why: string, reason?: CloseReason | "cut"): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#connection = null;
    for (const topic of this.#subscribed) this.#topics.remove(topic, this);
    this.#onClosed();
    this.#hub.closed(connection);
    this.#results.reject(new AppError(REFUSAL_CODES[reason as CloseReason] ?? "unavailable", why));
  }
}

const REASONS = Object.keys(CLOSE) as CloseReason[];
const REFUSAL_CODES: Partial<Record<CloseReason, Code>> = {
  banned: "banned",
  signed_out: "unauthenticated",
  token_expired: "unauthenticated",
};
const UNAVAILABLE = frameCode("unavailable");

/** The rooms could not be resumed: an error that replies to no command of the transport's own. */
function isStreamError({ type, text }: StreamFrame): boolean {
  return type === "system:error" && JSON.parse(text).id === undefined;
}

/** A replay failed, and the client is out of the room although it may be in it. */
function isRoomLost({ type, text }: StreamFrame): boolean {
  return type === "room:left" && JSON.parse(text).payload.code === UNAVAILABLE;
}

function parseCode(frame: string): Code {
  return (Object.keys(CODES) as Code[]).find((code) => frameCode(code) === frame) ?? "internal";
}

import type { CloseReason } from "../../../protocol/codes.ts";
import type { Sink, Stream, StreamFrame } from "../streams/index.ts";
import { formatId, formatPrefix } from "./resume-id.ts";

export interface SseSinkOptions {
  /** In the order of the stream's list. */
  rooms: readonly string[];
  /** Whether each event carries its frame's type as `event:`, for `addEventListener`; without it all go to `onmessage`. */
  named: boolean;
  /** Sets how long, in seconds, the client's connection may be idle before it is cut; 0: for ever. */
  setIdleTimeout: (seconds: number) => void;
}

/** After the last frame, a client that reads nothing for so long (seconds; the runtime checks every 4) is cut. */
const GRACE_SECONDS = 5;

/** ms that browsers wait before they open a lost stream again: a random time, so that the clients of a dead node do not all reconnect at once. */
const RETRY_MS: readonly [number, number] = [1_000, 3_000];

/** The high-water mark: less than this is buffered by us while the network keeps up. */
const HIGH_WATER = 65_536;

/** The body of an SSE response: one event for each frame, and a comment as a heartbeat. */
export class SseSink implements Sink {
  readonly body: ReadableStream<Uint8Array>;
  /** Set as soon as there is one; before it, frames have no position. */
  stream: Stream | null = null;
  readonly #options: SseSinkOptions;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #prefix = "";

  constructor(options: SseSinkOptions) {
    this.#options = options;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.stream?.drained(),
        cancel: () => this.disconnected(),
      },
      { highWaterMark: HIGH_WATER, size: (chunk) => chunk?.byteLength ?? 0 },
    );
    this.#enqueue(Buffer.from(retryLine(RETRY_MS)));
  }

  write(frame: StreamFrame): void {
    const head = (frame.type === "system:bye" ? retryLine(JSON.parse(frame.text).payload.after) : "") + this.#id(frame);
    const data = this.#options.named ? namedEvent(frame) : plainEvent(frame);
    this.#enqueue(head === "" ? data : Buffer.concat([Buffer.from(head, "latin1"), data]));
  }

  heartbeat(): void {
    this.#enqueue(HEARTBEAT);
  }

  buffered(): number {
    return this.#controller === null ? 0 : Math.max(0, HIGH_WATER - (this.#controller.desiredSize ?? 0));
  }

  end(reason: CloseReason | "cut"): void {
    const controller = this.#controller;
    this.#controller = null;
    this.#options.setIdleTimeout(GRACE_SECONDS);
    if (reason === "cut") controller?.error(new Error("The client reads too slowly."));
    else controller?.close();
  }

  /** The client has hung up. */
  disconnected(): void {
    this.#controller = null;
    this.stream?.closed();
  }

  /** The line that a browser sends back as Last-Event-ID, after a frame that moves it. */
  #id({ type, seq }: StreamFrame): string {
    if (this.stream === null || (seq === null && type !== "system:resumed" && type !== "room:left")) return "";
    if (this.#prefix === "") this.#prefix = formatPrefix(this.stream.epoch, this.#options.rooms);
    return `id: ${formatId(this.#prefix, this.stream.positions())}\n`;
  }

  #enqueue(chunk: Uint8Array): void {
    this.#controller?.enqueue(chunk);
  }
}

const HEARTBEAT = Buffer.from(":\n\n");

function retryLine([min, max]: readonly [number, number]): string {
  return `retry: ${Math.round(min + Math.random() * (max - min))}\n`;
}

/** A frame goes to all streams of its room one after the other: its bytes are made once. */
function cacheLast(make: (frame: StreamFrame) => Uint8Array): (frame: StreamFrame) => Uint8Array {
  let last: StreamFrame | null = null;
  let made: Uint8Array = new Uint8Array();
  return (frame) => {
    if (frame !== last) {
      made = make(frame);
      last = frame;
    }
    return made;
  };
}

const plainEvent = cacheLast(({ text }) => Buffer.from(`data: ${oneLine(text)}\n\n`));
const namedEvent = cacheLast(({ type, text }) => Buffer.from(`event: ${type}\ndata: ${oneLine(text)}\n\n`));

/** JSON has line ends between its parts at most, where they mean nothing. */
function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, " ") : text;
}

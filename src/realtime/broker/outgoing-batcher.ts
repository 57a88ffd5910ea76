import type { BrokerTransport } from "./broker-transport.ts";
import { splitIntoChunks } from "./chunks.ts";
import type { BrokerCounts } from "./counts.ts";
import { formatLine, type Line } from "./message.ts";

export interface OutgoingBatcherDeps {
  transport: BrokerTransport;
  counts: BrokerCounts;
  /** The first line of the next message. */
  formatHead: () => string;
  /** False: too much is under way, so this is dropped. */
  reserve: (bytes: number) => boolean;
}

/** Upper bound for the bytes of a head, and of a chunk's own fields. */
const HEAD_BYTES = 128;

interface Waiting {
  lines: string[];
  bytes: number;
}

/** Batches the lines of one turn of the event loop into one message per receiver. */
export class OutgoingBatcher {
  readonly #deps: OutgoingBatcherDeps;
  readonly #waiting = new Map<string | null, Waiting>();
  #isScheduled = false;
  #chunkedLines = 0;

  constructor(deps: OutgoingBatcherDeps) {
    this.#deps = deps;
  }

  /** @param to an instance id; null: all nodes */
  readonly add = (to: string | null, line: Line): void => {
    const maxBytes = this.#deps.transport.maxBytes - 2 * HEAD_BYTES;
    const text = formatLine(line);
    const bytes = Buffer.byteLength(text) + 1;
    if (line.kind === "entry" && (bytes > maxBytes || line.entry.payload.includes("\n"))) {
      const { room, seq } = line.entry;
      this.add(to, { kind: "announcement", room, seq });
    } else if (bytes > maxBytes) {
      const chunks = splitIntoChunks(String(++this.#chunkedLines), text, maxBytes);
      if (chunks === null) this.#deps.counts.dropped.slow++;
      for (const chunk of chunks ?? []) this.add(to, chunk);
    } else this.#enqueue(to, text, bytes, maxBytes);
  };

  #enqueue(to: string | null, text: string, bytes: number, maxBytes: number): void {
    let waiting = this.#waiting.get(to);
    if (waiting !== undefined && waiting.bytes + bytes > maxBytes) {
      this.#waiting.delete(to);
      this.#send(to, waiting);
      waiting = this.#waiting.get(to); // a probe may have come
    }
    if (waiting === undefined) {
      waiting = { lines: [], bytes: 0 };
      this.#waiting.set(to, waiting);
    }
    waiting.lines.push(text);
    waiting.bytes += bytes;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.flush);
  }

  readonly flush = (): void => {
    this.#isScheduled = false;
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const [to, waiting] of all) this.#send(to, waiting);
  };

  #send(to: string | null, { lines, bytes }: Waiting): void {
    const { transport, counts, formatHead, reserve } = this.#deps;
    const dropped = !transport.isConnected() ? "away" : reserve(bytes) ? null : "slow";
    if (dropped === null && transport.send(to, `${formatHead()}\n${lines.join("\n")}`)) {
      counts.messagesOut++;
      counts.bytesOut += bytes;
    } else counts.dropped[dropped ?? "away"]++;
  }
}

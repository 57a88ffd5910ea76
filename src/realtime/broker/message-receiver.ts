import type { LogEntry } from "../../platform/log/entry.ts";
import type { Receivers } from "./broker.ts";
import { ChunkAssembler } from "./chunks.ts";
import type { BrokerCounts } from "./counts.ts";
import { type Line, type MessageSender, parseHead, parseLine } from "./message.ts";
import type { RoundTrip, RoundTripTimes } from "./round-trip.ts";
import type { ScatterGather } from "./scatter-gather.ts";

export interface MessageReceiverDeps {
  /** This node's own. */
  instanceId: string;
  epoch: () => string;
  /** The numbers of all live nodes, and how to read them again. */
  nodes: { getNumbers(): readonly number[]; refresh(): void };
  counts: BrokerCounts;
  scatterGather: ScatterGather;
  roundTrip: RoundTrip;
  times: RoundTripTimes;
  logger: { warn(fields: object, message: string): void };
}

type Handler = (payload: unknown, from: number) => void;

/** Receives the broker's messages, of other nodes and this node's own probes, and has each line handled. */
export class MessageReceiver {
  readonly #deps: MessageReceiverDeps;
  readonly #chunks = new ChunkAssembler();
  readonly #handlers = new Map<string, Handler>();
  #receivers: Receivers = { entries: () => {}, announced: () => {} };
  #unknownNodeAt = Number.NEGATIVE_INFINITY;

  constructor(deps: MessageReceiverDeps) {
    this.#deps = deps;
  }

  /** What other nodes publish goes to these. */
  readonly setReceivers = (by: Receivers): void => {
    this.#receivers = by;
  };

  /** What other nodes send on this subject goes to this handler. */
  readonly on = (subject: string, handler: Handler): void => {
    if (this.#handlers.has(subject)) throw new Error(`two handlers for the subject "${subject}"`);
    this.#handlers.set(subject, handler);
  };

  /** Whether a node has sent something lately that the registry does not list: a new one sends before it is listed. */
  get hasUnknownNode(): boolean {
    return performance.now() - this.#unknownNodeAt < this.#deps.times.timeout;
  }

  /** Takes a message of the transport. Never throws. */
  readonly receive = (text: string): void => {
    try {
      this.#receive(text);
    } catch (error) {
      this.#deps.logger.warn({ err: error }, "a message of another node could not be handled");
    }
  };

  #receive(text: string): void {
    const { instanceId, epoch, nodes, counts, scatterGather } = this.#deps;
    counts.messagesIn++;
    counts.bytesIn += Buffer.byteLength(text);
    const [head = "", ...lines] = text.split("\n");
    const sender = parseHead(head);
    if (sender === null) counts.dropped.malformed++;
    else if (sender.instanceId === instanceId) this.#receiveProbes(lines);
    else if (sender.epoch !== epoch()) counts.dropped.foreign++;
    else {
      if (!nodes.getNumbers().includes(sender.node)) this.#noteUnknownNode();
      scatterGather.markResponsive(sender.node);
      this.#handleLines(sender, lines);
    }
  }

  #receiveProbes(lines: readonly string[]): void {
    for (const text of lines) {
      if (!text.startsWith("P ")) continue;
      const line = parseLine(text);
      if (line?.kind === "probe") this.#deps.roundTrip.returned(line.number);
    }
  }

  #noteUnknownNode(): void {
    const now = performance.now();
    if (now - this.#unknownNodeAt > this.#deps.times.interval) this.#deps.nodes.refresh();
    this.#unknownNodeAt = now;
  }

  #handleLines(sender: MessageSender, lines: readonly string[]): void {
    const { counts, logger } = this.#deps;
    const entries: LogEntry[] = [];
    let traced: Extract<Line, { kind: "trace" }> | null = null;
    for (const text of lines) {
      try {
        const line = parseLine(text);
        if (line?.kind === "trace") traced = line;
        else if (line?.kind === "entry") {
          const { room, seq } = line.entry;
          const isTraced = traced !== null && traced.room === room && traced.seq === seq;
          entries.push(isTraced ? { ...line.entry, trace: traced!.traceparent } : line.entry);
        } else if (line === null) counts.dropped.malformed++;
        else this.#handleLine(sender, line);
      } catch (error) {
        counts.dropped.malformed++;
        logger.warn({ err: error, from: sender.node }, "a line of another node could not be handled");
      }
    }
    if (entries.length > 0) this.#receivers.entries(entries);
  }

  #handleLine(sender: MessageSender, line: Exclude<Line, { kind: "entry" | "trace" }>): void {
    const { scatterGather } = this.#deps;
    switch (line.kind) {
      case "announcement":
        this.#receivers.announced(line.room, line.seq);
        break;
      case "message":
        this.#handlers.get(line.subject)?.(JSON.parse(line.payload), sender.node);
        break;
      case "request":
        void scatterGather.handleRequest(sender.instanceId, line.id, line.name, JSON.parse(line.payload));
        break;
      case "reply":
        scatterGather.handleReply(sender.node, line.id, line.payload);
        break;
      case "chunk": {
        const whole = this.#chunks.add(sender.instanceId, line);
        if (whole !== null && !whole.startsWith("F ")) this.#handleLines(sender, [whole]);
      }
    }
  }
}

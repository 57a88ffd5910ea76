import type { LogEntry } from "../../platform/log/entry.ts";
import type { Broker } from "./broker.ts";
import type { BrokerTransport } from "./broker-transport.ts";
import { ChunkAssembler } from "./chunks.ts";
import { type BrokerCounts, createCounts } from "./counts.ts";
import { formatHead, type Line, type MessageSender, parseHead, parseLine } from "./message.ts";
import { OutgoingBatcher } from "./outgoing-batcher.ts";
import { ROUND_TRIP_TIMES, RoundTrip, type RoundTripTimes } from "./round-trip.ts";
import { ScatterGather } from "./scatter-gather.ts";

export interface BrokerDeps {
  transport: BrokerTransport;
  /** The same that the transport was made with. */
  instanceId: string;
  /** This node's number, which may change. */
  node: () => number;
  epoch: () => string;
  nodes: LiveNodes;
  logger: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  times?: RoundTripTimes;
}

/** What the node registry knows of the cluster. */
export interface LiveNodes {
  /** Numbers of all live nodes, including this one. */
  getNumbers(): readonly number[];
  /** Whether another live node has reported that its round trips work. */
  areOthersReceiving(): boolean;
  /** Reads again what other nodes report. */
  refresh(): void;
}

/** A broker, with its state for the node registry and the metrics. */
export interface NodeBroker extends Broker {
  readonly counts: BrokerCounts;
  /** Whether round trips work at present: other nodes judge their own health by it. */
  readonly isReceiving: boolean;
  /** ms that the last round trip took. */
  readonly lag: number;
}

const REPLY_TIMEOUT_MS = 250;

/** Makes a broker from a broker transport. */
export function createBroker(deps: BrokerDeps): NodeBroker {
  const { transport, instanceId, node, epoch, nodes, logger, times = ROUND_TRIP_TIMES } = deps;
  const counts = createCounts();
  const chunks = new ChunkAssembler();
  const handlers = new Map<string, (payload: unknown, from: number) => void>();
  let receivers: Parameters<Broker["receive"]>[0] = { entries: () => {}, announced: () => {} };
  let lastHealth: ReturnType<Broker["health"]> = "ok";

  let unknownNodeAt = Number.NEGATIVE_INFINITY;
  // A new node sends before the registry lists it.
  const hasPeers = () =>
    nodes.getNumbers().some((one) => one !== node()) || performance.now() - unknownNodeAt < times.timeout;
  const batcher = new OutgoingBatcher({
    transport,
    counts,
    formatHead: () => formatHead({ instanceId, node: node(), epoch: epoch() }, counts.messagesOut),
    reserve: (bytes) => roundTrip.reserve(bytes),
  });
  const send = (to: string | null, line: Line) => batcher.add(to, line);
  const scatterGather = new ScatterGather({
    node,
    liveNodes: () => nodes.getNumbers(),
    isConnected: () => transport.isConnected(),
    send,
  });
  const roundTrip: RoundTrip = new RoundTrip({
    transport,
    hasPeers,
    areOthersReceiving: () => nodes.areOthersReceiving(),
    refresh: () => nodes.refresh(),
    times,
    send: (number) => send(null, { kind: "probe", number }),
  });

  function receive(text: string): void {
    counts.messagesIn++;
    counts.bytesIn += Buffer.byteLength(text);
    const lines = text.split("\n");
    const sender = parseHead(lines[0]!);
    if (sender === null) counts.dropped.malformed++;
    else if (sender.instanceId === instanceId) receiveOwn(lines);
    else if (sender.epoch !== epoch()) counts.dropped.foreign++;
    else {
      if (!nodes.getNumbers().includes(sender.node)) noteUnknownNode();
      scatterGather.markResponsive(sender.node);
      handleLines(sender, lines.slice(1));
    }
  }

  function noteUnknownNode(): void {
    const now = performance.now();
    if (now - unknownNodeAt > times.interval) nodes.refresh();
    unknownNodeAt = now;
  }

  function receiveOwn(lines: string[]): void {
    for (const text of lines) {
      if (!text.startsWith("P ")) continue;
      const line = parseLine(text);
      if (line?.kind === "probe") roundTrip.returned(line.number);
    }
  }

  function handleLines(sender: MessageSender, lines: string[]): void {
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
        else handleLine(sender, line);
      } catch (error) {
        counts.dropped.malformed++;
        logger.warn({ err: error, from: sender.node }, "a line of another node could not be handled");
      }
    }
    if (entries.length > 0) receivers.entries(entries);
  }

  function handleLine(sender: MessageSender, line: Exclude<Line, { kind: "entry" | "trace" }>): void {
    switch (line.kind) {
      case "announcement":
        receivers.announced(line.room, line.seq);
        break;
      case "message":
        handlers.get(line.subject)?.(JSON.parse(line.payload), sender.node);
        break;
      case "request":
        void scatterGather.handleRequest(sender.instanceId, line.id, line.name, JSON.parse(line.payload));
        break;
      case "reply":
        scatterGather.handleReply(sender.node, line.id, line.payload);
        break;
      case "chunk": {
        const whole = chunks.add(sender.instanceId, line);
        if (whole !== null && !whole.startsWith("F ")) handleLines(sender, [whole]);
      }
    }
  }

  /** Logs once when the server goes away and once when it is back. */
  const watch = setInterval(() => {
    const health = roundTrip.health();
    if (health === lastHealth) return;
    lastHealth = health;
    const fields = { broker: transport.kind, health };
    if (health === "ok") logger.info(fields, "the broker is available again");
    else logger.warn(fields, "nothing comes through the broker; entries of other nodes come from the log tail");
  }, times.interval);

  transport.start((text) => {
    try {
      receive(text);
    } catch (error) {
      logger.warn({ err: error }, "a message of another node could not be handled");
    }
  });
  roundTrip.start();

  return {
    kind: transport.kind,
    counts,
    get isReceiving() {
      return roundTrip.isReceiving;
    },
    get lag() {
      return roundTrip.lag;
    },
    publish(entries) {
      if (!hasPeers()) return;
      for (const entry of entries) {
        const { room, seq, trace } = entry;
        if (trace !== undefined) send(null, { kind: "trace", room, seq, traceparent: trace });
        send(null, { kind: "entry", entry });
      }
    },
    receive(by) {
      receivers = by;
    },
    send(subject, payload) {
      if (hasPeers()) send(null, { kind: "message", subject, payload: JSON.stringify(payload) ?? "null" });
    },
    on(subject, handler) {
      if (handlers.has(subject)) throw new Error(`two handlers for the subject "${subject}"`);
      handlers.set(subject, handler);
    },
    gather: (name, payload, timeout = REPLY_TIMEOUT_MS) => scatterGather.gather(name, payload, timeout),
    onRequest: (name, handler) => scatterGather.onRequest(name, handler),
    health: () => roundTrip.health(),
    async stop() {
      clearInterval(watch);
      roundTrip.stop();
      batcher.flush();
      await transport.close();
    },
  };
}

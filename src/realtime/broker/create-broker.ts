import type { LogEntry } from "../../platform/log/entry.ts";
import type { Broker } from "./broker.ts";
import { Bundles } from "./bundles.ts";
import { type BrokerCounts, createCounts } from "./counts.ts";
import { headOf, type Line, parse, parseHead, type Sender } from "./message.ts";
import { Pieces } from "./pieces.ts";
import { Questions } from "./questions.ts";
import { ROUND_TRIP_TIMES, RoundTrip, type RoundTripTimes } from "./round-trip.ts";
import type { Wire } from "./wire.ts";

export interface BrokerDeps {
  wire: Wire;
  /** The same that the wire was made with. */
  mailbox: string;
  /** This node's number, which may change. */
  node: () => number;
  epoch: () => string;
  nodes: LivingNodes;
  logger: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  times?: RoundTripTimes;
}

/** What the registry knows of the cluster. */
export interface LivingNodes {
  /** Numbers of all nodes that live, this one too. */
  living(): readonly number[];
  /** Whether another living node has told that its round trips work. */
  othersHear(): boolean;
  /** Asks anew what other nodes tell. */
  refresh(): void;
}

/** A broker, and what its node tells of it: to the registry and to the metrics. */
export interface NodeBroker extends Broker {
  readonly counts: BrokerCounts;
  /** Whether round trips work at present: for the other nodes' verdict about theirs. */
  readonly hears: boolean;
  /** ms that the last round trip took. */
  readonly lag: number;
}

const ANSWER_MS = 250;

/** Speaks the nodes' language over a wire. */
export function createBroker(deps: BrokerDeps): NodeBroker {
  const { wire, mailbox, node, epoch, nodes, logger, times = ROUND_TRIP_TIMES } = deps;
  const counts = createCounts();
  const pieces = new Pieces();
  const handlers = new Map<string, (payload: unknown, from: number) => void>();
  let receivers: Parameters<Broker["receive"]>[0] = { entries: () => {}, announced: () => {} };
  let told: ReturnType<Broker["health"]> = "ok";

  let strangerAt = Number.NEGATIVE_INFINITY;
  // Who has just come speaks before the registry tells of him.
  const hasCompany = () =>
    nodes.living().some((one) => one !== node()) || performance.now() - strangerAt < times.silence;
  const bundles = new Bundles({
    wire,
    counts,
    head: () => headOf({ mailbox, node: node(), epoch: epoch() }, counts.messagesOut),
    mayLeave: (bytes) => roundTrip.mayLeave(bytes),
  });
  const send = (to: string | null, line: Line) => bundles.add(to, line);
  const questions = new Questions({ node, living: () => nodes.living(), connected: () => wire.connected(), send });
  const roundTrip: RoundTrip = new RoundTrip({
    wire,
    hasCompany,
    othersHear: () => nodes.othersHear(),
    refresh: () => nodes.refresh(),
    times,
    send: (number) => send(null, { what: "probe", number }),
  });

  function received(text: string): void {
    counts.messagesIn++;
    counts.bytesIn += Buffer.byteLength(text);
    const lines = text.split("\n");
    const sender = parseHead(lines[0]!);
    if (sender === null) counts.dropped.malformed++;
    else if (sender.mailbox === mailbox) ownReturned(lines);
    else if (sender.epoch !== epoch()) counts.dropped.foreign++;
    else {
      if (!nodes.living().includes(sender.node)) meet();
      questions.heard(sender.node);
      take(sender, lines.slice(1));
    }
  }

  function meet(): void {
    const now = performance.now();
    if (now - strangerAt > times.every) nodes.refresh();
    strangerAt = now;
  }

  function ownReturned(lines: string[]): void {
    for (const text of lines) {
      if (!text.startsWith("P ")) continue;
      const line = parse(text);
      if (line?.what === "probe") roundTrip.returned(line.number);
    }
  }

  function take(sender: Sender, lines: string[]): void {
    const entries: LogEntry[] = [];
    let traced: Extract<Line, { what: "trace" }> | null = null;
    for (const text of lines) {
      try {
        const line = parse(text);
        if (line?.what === "trace") traced = line;
        else if (line?.what === "entry") {
          const { room, seq } = line.entry;
          const isIt = traced !== null && traced.room === room && traced.seq === seq;
          entries.push(isIt ? { ...line.entry, trace: traced!.traceparent } : line.entry);
        } else if (line === null) counts.dropped.malformed++;
        else takeOne(sender, line);
      } catch (error) {
        counts.dropped.malformed++;
        logger.warn({ err: error, from: sender.node }, "something that another node said could not be dealt with");
      }
    }
    if (entries.length > 0) receivers.entries(entries);
  }

  function takeOne(sender: Sender, line: Exclude<Line, { what: "entry" | "trace" }>): void {
    switch (line.what) {
      case "announcement":
        receivers.announced(line.room, line.seq);
        break;
      case "word":
        handlers.get(line.subject)?.(JSON.parse(line.payload), sender.node);
        break;
      case "question":
        void questions.asked(sender.mailbox, line.id, line.question, JSON.parse(line.payload));
        break;
      case "answer":
        questions.answered(sender.node, line.id, line.payload);
        break;
      case "piece": {
        const whole = pieces.take(sender.mailbox, line);
        if (whole !== null && !whole.startsWith("F ")) take(sender, [whole]);
      }
    }
  }

  /** Says it once when the server goes and when it is back. */
  const watch = setInterval(() => {
    const health = roundTrip.health();
    if (health === told) return;
    told = health;
    const fields = { broker: wire.kind, health };
    if (health === "ok") logger.info(fields, "the broker is there again");
    else logger.warn(fields, "nothing comes through the broker; what other nodes write is shown by the log's ticks");
  }, times.every);

  wire.start((text) => {
    try {
      received(text);
    } catch (error) {
      logger.warn({ err: error }, "a message of another node could not be dealt with");
    }
  });
  roundTrip.start();

  return {
    kind: wire.kind,
    counts,
    get hears() {
      return roundTrip.hears;
    },
    get lag() {
      return roundTrip.lag;
    },
    publish(entries) {
      if (!hasCompany()) return;
      for (const entry of entries) {
        const { room, seq, trace } = entry;
        if (trace !== undefined) send(null, { what: "trace", room, seq, traceparent: trace });
        send(null, { what: "entry", entry });
      }
    },
    receive(by) {
      receivers = by;
    },
    send(subject, payload) {
      if (hasCompany()) send(null, { what: "word", subject, payload: JSON.stringify(payload) ?? "null" });
    },
    on(subject, handler) {
      if (handlers.has(subject)) throw new Error(`two parts listen to the subject "${subject}"`);
      handlers.set(subject, handler);
    },
    gather: (question, payload, timeout = ANSWER_MS) => questions.gather(question, payload, timeout),
    answer: (question, handler) => questions.answer(question, handler),
    health: () => roundTrip.health(),
    async stop() {
      clearInterval(watch);
      roundTrip.stop();
      bundles.flush();
      await wire.close();
    },
  };
}

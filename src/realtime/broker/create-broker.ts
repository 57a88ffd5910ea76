import type { Broker } from "./broker.ts";
import type { BrokerTransport } from "./broker-transport.ts";
import { type BrokerCounts, createCounts } from "./counts.ts";
import { formatHead } from "./message.ts";
import { MessageReceiver } from "./message-receiver.ts";
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

/** Makes a broker from a broker transport. */
export function createBroker(deps: BrokerDeps): NodeBroker {
  const { transport, instanceId, node, epoch, nodes, logger, times = ROUND_TRIP_TIMES } = deps;
  const counts = createCounts();
  const hasPeers = () => nodes.getNumbers().some((one) => one !== node()) || receiver.hasUnknownNode;
  const { add: send, flush } = new OutgoingBatcher({
    transport,
    counts,
    formatHead: () => formatHead({ instanceId, node: node(), epoch: epoch() }, counts.messagesOut),
    reserve: (bytes) => roundTrip.reserve(bytes),
  });
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
  const receiver = new MessageReceiver({ instanceId, epoch, nodes, counts, scatterGather, roundTrip, times, logger });

  /** Logs once when the server goes away and once when it is back. */
  let lastHealth: ReturnType<Broker["health"]> = "ok";
  const watch = setInterval(() => {
    const health = roundTrip.health();
    if (health === lastHealth) return;
    lastHealth = health;
    const fields = { broker: transport.kind, health };
    if (health === "ok") logger.info(fields, "the broker is available again");
    else logger.warn(fields, "nothing comes through the broker; entries of other nodes come from the log tail");
  }, times.interval);

  transport.start(receiver.receive);
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
    receive: receiver.setReceivers,
    send(subject, payload) {
      if (hasPeers()) send(null, { kind: "message", subject, payload: JSON.stringify(payload) ?? "null" });
    },
    on: receiver.on,
    gather: scatterGather.gather,
    onRequest: scatterGather.onRequest,
    health: () => roundTrip.health(),
    async stop() {
      clearInterval(watch);
      roundTrip.stop();
      flush();
      await transport.close();
    },
  };
}

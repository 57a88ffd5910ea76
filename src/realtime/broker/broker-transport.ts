import type { Broker } from "./broker.ts";

/**
 * What a broker needs of its server: sending text to all nodes, and to one. A transport may lose, delay and repeat texts, but it
 * keeps the order of one sender's texts while it is connected. It reconnects by itself until it is closed.
 */
export interface BrokerTransport {
  readonly kind: Broker["kind"];
  /** Maximum bytes of one text. */
  readonly maxBytes: number;
  /** Whether probes are omitted while there is no other live node. */
  readonly skipsProbeAlone: boolean;
  /** Begins to connect. `received`: each text for all nodes, also this one's own, and each for this instance. */
  start(received: (text: string) => void): void;
  /** @param to another node's instance id; null: all nodes. Returns false when there is no connection; true promises nothing. */
  send(to: string | null, text: string): boolean;
  isConnected(): boolean;
  /** Closes a connection that looks open although nothing comes through, and opens another. */
  reconnect(): void;
  close(): Promise<void>;
}

/** Where a node's transport listens. */
export interface TransportAddress {
  /** The same for all nodes of a cluster and for no other: letters and digits, at most 32. */
  cluster: string;
  /** This node's own, never used before: letters and digits, at most 16. */
  instanceId: string;
}

/** ms before the next attempt to connect. */
export function getReconnectDelay(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), 1_000) * (0.75 + Math.random() / 2);
}

/** The CA to use in place of the system's, and our client certificate; all PEM. */
export interface Certificates {
  ca?: string;
  cert?: string;
  key?: string;
}

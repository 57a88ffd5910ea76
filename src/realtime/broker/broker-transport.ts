import type { Broker } from "./broker.ts";

/**
 * What a broker needs of the server in the middle: text to everybody, and text to one. A transport may lose, delay and repeat what it
 * is given, but it keeps the order of one sender's texts while it is connected. It connects again by itself for as long as it lives.
 */
export interface BrokerTransport {
  readonly kind: Broker["kind"];
  /** Maximum bytes of one text. */
  readonly maxBytes: number;
  /** Whether it works is not worth a probe while no other node lives. */
  readonly skipsProbeAlone: boolean;
  /** Begins to connect. `received`: each text for everybody, this sender's own too, and each for this instance. */
  start(received: (text: string) => void): void;
  /** @param to another node's instance id; null: everybody. Returns false when there is no connection; true promises nothing. */
  send(to: string | null, text: string): boolean;
  isConnected(): boolean;
  /** Gives up the connection, which says that it is there although nothing comes through, and makes another. */
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

/** ms before the next try to connect. */
export function getReconnectDelay(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), 1_000) * (0.75 + Math.random() / 2);
}

/** Who vouches for the server in place of whom the system trusts, and by what it knows us; all PEM. */
export interface Certificates {
  ca?: string;
  cert?: string;
  key?: string;
}

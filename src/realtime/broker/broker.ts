import type { LogEntry } from "../../platform/log/entry.ts";

/**
 * How the nodes of a cluster reach each other. A broker is only a wake-up: what must not be lost is in the log, and every node
 * reads the log's ticks besides. So everything here may be lost, repeated or late, never throws and never makes its caller wait.
 */
export interface Broker {
  readonly kind: "memory" | "redis" | "nats" | "postgres";
  /** Hands committed entries to all other nodes, which show them to whoever is in their rooms. */
  publish(entries: readonly LogEntry[]): void;
  /** What to do with what other nodes publish; once. */
  receive(by: Receivers): void;
  /** Tells all other nodes something that is not kept: a typing frame, presence, how much of a limit was used. */
  send(subject: string, payload: unknown): void;
  /** What other nodes `send` on this subject; one handler for each. `from`: the number of the node that says it. */
  on(subject: string, handler: (payload: unknown, from: number) => void): void;
  /**
   * Asks all living nodes, this one too. Requests of one turn may travel together.
   *
   * @param timeout ms; 250 unless told
   * @returns what those said that answered in time; `partial`: some living node did not
   */
  gather<T>(name: string, payload: unknown, timeout?: number): Promise<Gathered<T>>;
  /** How this node answers a request; one handler for each. */
  onRequest(name: string, handler: (payload: unknown) => unknown): void;
  /** `away`: the server cannot be reached. `deaf`: this node's round trip fails although others' work. */
  health(): "ok" | "away" | "deaf";
  stop(): Promise<void>;
}

export interface Receivers {
  entries(entries: readonly LogEntry[]): void;
  /** An entry that is too big for the server: it is there, and is to be read from the log. */
  announced(room: string, seq: number): void;
}

export interface Gathered<T> {
  replies: T[];
  partial: boolean;
}

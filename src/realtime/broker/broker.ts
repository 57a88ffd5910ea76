import type { LogEntry } from "../../platform/log/entry.ts";

/**
 * How the nodes of a cluster reach each other. A broker is only a wake-up: what must not be lost is in the log, and every node
 * also follows the log by checkpoints. So every message may be lost, repeated or late, and no call throws or makes its caller wait.
 */
export interface Broker {
  readonly kind: "memory" | "redis" | "nats" | "postgres";
  /** Sends committed entries to all other nodes, which publish them to the members of their rooms. */
  publish(entries: readonly LogEntry[]): void;
  /** Sets the receivers of what other nodes publish; called once. */
  receive(by: Receivers): void;
  /** Sends all other nodes a message that is not stored: a typing frame, a trace, how much of a limit was used. */
  send(subject: string, payload: unknown): void;
  /** Handles what other nodes `send` on this subject; one handler for each. `from`: the number of the sending node. */
  on(subject: string, handler: (payload: unknown, from: number) => void): void;
  /**
   * Sends a request to all live nodes, including this one. Requests of one turn may go in one text.
   *
   * @param timeout ms; 250 by default
   * @returns the replies that came in time; `partial`: some live node did not reply
   */
  gather<T>(name: string, payload: unknown, timeout?: number): Promise<Gathered<T>>;
  /** Sets this node's handler of a request; one for each name. */
  onRequest(name: string, handler: (payload: unknown) => unknown): void;
  /** `away`: the server cannot be reached. `isolated`: this node's round trip fails although others' work. */
  health(): "ok" | "away" | "isolated";
  stop(): Promise<void>;
}

export interface Receivers {
  entries(entries: readonly LogEntry[]): void;
  /** An entry that is too big for the broker: it is committed, and has to be read from the log. */
  announced(room: string, seq: number): void;
}

export interface Gathered<T> {
  replies: T[];
  partial: boolean;
}

import type { TransactionSql } from "postgres";
import type { LogEntry } from "../log/entry.ts";

/** Who changes something and why: goes into each entry's `meta`, never to clients. */
export interface Actor {
  actor: string;
  reason?: string;
}

export interface Tx {
  sql: TransactionSql;
  /** Collects an entry. All are appended in one call, the last statement before COMMIT, rooms in id order. */
  log(room: string, type: string, payload: Record<string, unknown>): void;
}

/**
 * One transaction: state rows and log rows together, or neither. After COMMIT the entries are handed to fan-out,
 * so no publish can be forgotten. Made once in app.ts by `createTransaction(sql, publish)`.
 */
export type Transaction = <T>(actor: Actor, work: (tx: Tx) => Promise<T>) => Promise<T>;

export type Publish = (entries: readonly LogEntry[]) => void;

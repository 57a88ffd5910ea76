import type { TailEntry } from "../log/windows.ts";
import type { ISql } from "../postgres/sql.ts";

/** An entry as a stored consumer sees it; (room, epoch, seq) names it for good. */
export interface ConsumerEntry extends TailEntry {
  epoch: string;
}

/** A consumer whose position is stored, so that it goes on after a restart. One node at a time runs it (docs/log-consumers.md). */
export interface StoredConsumer {
  name: string;
  from: "stored";
  /** Where it begins the first time; a number is a checkpoint. Default: now. */
  start?: "oldest" | "now" | number;
  /** What it wants; nothing else is read from the database. */
  filter?: ConsumerFilter;
  /** Maximum entries in a batch. */
  maxRows?: number;
  /** Maximum bytes of payloads and meta in a batch; one entry that is larger comes alone. */
  maxBytes?: number;
  /**
   * Attempts at a batch before the entry that makes it fail is searched for, by halving the batch, and parked when it is alone.
   * Failures of the database and `RetryLater` do not count.
   */
  maxAttempts?: number;
  /** Awaited. A failure is tried again with back-off, and delays this consumer alone. */
  handle(batch: ConsumerBatch): Promise<void>;
}

export interface ConsumerFilter {
  /** Types of entries; left out: all. */
  types?: readonly string[];
  /** Kinds of rooms, what is before the `:`; left out: all but internal ones (`_…`). */
  roomKinds?: readonly string[];
}

export interface ConsumerBatch {
  /** At least one; in order of seq within each room. */
  entries: readonly ConsumerEntry[];
  /**
   * Moves the consumer's position within the handler's own transaction, so that its effects happen exactly once. Let its error
   * through: it means that another node had this batch.
   * Without this call entries come at least once: the position moves after the handler has returned.
   */
  advance(sql: ISql): Promise<void>;
}

/** For what a consumer does not say. With ten attempts an entry is searched for after about a minute. */
export const DEFAULTS = { maxRows: 5_000, maxBytes: 4_194_304, maxAttempts: 10 };

/** Thrown by a handler when nothing is wrong with the entries, such as when the system that it writes to is away. */
export class RetryLater extends Error {
  override readonly name = "RetryLater";
}

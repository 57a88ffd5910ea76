import type { Sql } from "../postgres/sql.ts";

/**
 * Which life of the log this is, as a short text. Another one after a restore or a fail-over: then seqs that clients have seen
 * may never have existed here, so all positions are void.
 */
export interface Epoch {
  current(): string;
  /** Called by each reader of the log, with the epoch of the same statement; notifies the listeners before it returns. */
  observe(epoch: string): void;
  onChange(listener: (epoch: string) => void): void;
}

export async function createEpoch(sql: Sql): Promise<Epoch> {
  const [row] = await sql<{ epoch: string }[]>`SELECT log_epoch() AS epoch`;
  let current = row!.epoch;
  const listeners: ((epoch: string) => void)[] = [];
  return {
    current: () => current,
    observe(epoch) {
      if (epoch === current) return;
      current = epoch;
      for (const listener of listeners) listener(epoch);
    },
    onChange(listener) {
      listeners.push(listener);
    },
  };
}

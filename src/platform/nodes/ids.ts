import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Lease } from "./lease.ts";

/** Makes the ids of everything this node creates. */
export interface Ids {
  /**
   * A 64-bit Snowflake as decimal text: 41 bits of ms since the epoch below, 10 bits of node, 12 bits of count; rising.
   * Throws AppError `unavailable` while the node's lease is not held or its clock shows an earlier time than the ids it has already given.
   */
  next(): string;
}

/** 2010-11-04T01:42:54.657Z, the zero of Snowflake time. */
const SNOWFLAKE_EPOCH_MS = 1_288_834_974_657;

/** How far the ids may run ahead of the clock: a clock set back by so little, or a burst of over 4,096 ids in one ms. */
const MAX_AHEAD_MS = 20;

export function createIds({ lease, clock }: { lease: Pick<Lease, "node" | "isHeld">; clock: Clock }): Ids {
  let ms = 0;
  let count = 0;
  return {
    next() {
      // The time is read before the lease is checked: a process that was stopped in between finds the lease lost, and one that
      // is stopped right after it makes an id of the time when the number was its own.
      const now = clock.now();
      if (!lease.isHeld()) {
        throw new AppError("unavailable", "This node has lost its number and cannot make ids. Try again soon.");
      }
      if (now > ms) {
        ms = now;
        count = 0;
      } else if (++count === 4096) {
        ms++;
        count = 0;
      }
      if (ms - now > MAX_AHEAD_MS) {
        throw new AppError(
          "unavailable",
          "The clock of this node was set back. Ids are made again once it has caught up.",
        );
      }
      return String((BigInt(ms - SNOWFLAKE_EPOCH_MS) << 22n) | BigInt((lease.node << 12) | count));
    },
  };
}

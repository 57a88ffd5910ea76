import { systemClock } from "../../src/platform/clock.ts";
import type { LogEntry } from "../../src/platform/log/entry.ts";
import { createEpoch, type Epoch } from "../../src/platform/log/epoch.ts";
import { createLogTail, type LogTail } from "../../src/platform/log/tail.ts";
import { createIds, type Ids } from "../../src/platform/nodes/ids.ts";
import { type Lease, leaseNode } from "../../src/platform/nodes/lease.ts";
import { type Database, openDatabase } from "../../src/platform/postgres/pool.ts";
import { createTransaction, type Transaction } from "../../src/platform/postgres/transaction.ts";

/** The parts of a node that have to do with the log, wired as app.ts does it. */
export interface LogNode {
  sql: Database["sql"];
  ids: Ids;
  epoch: Epoch;
  lease: Lease;
  transaction: Transaction;
  tail: LogTail;
  published: LogEntry[];
  stop(): Promise<void>;
}

/** @param clock what its ids are made by; @param onError by default an error in the background fails the test that runs */
export async function startLogNode(
  url: string,
  { max = 10, clock = systemClock, onError = (error: unknown): void => void Promise.reject(error) } = {},
): Promise<LogNode> {
  const database = openDatabase(url, { max });
  const { sql } = database;
  const lease = await leaseNode({ sql, onError });
  const ids = createIds({ lease, clock });
  const epoch = await createEpoch(sql);
  const tail = createLogTail({ sql, epoch, onError });
  const published: LogEntry[] = [];
  const transaction = createTransaction({
    sql,
    ids,
    publish(entries) {
      published.push(...entries);
      tail.notify();
    },
  });
  return {
    sql,
    ids,
    epoch,
    lease,
    transaction,
    tail,
    published,
    async stop() {
      await tail.stop();
      await lease.stop();
      await database.close();
    },
  };
}

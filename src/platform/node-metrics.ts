import { setTimeout as sleep } from "node:timers/promises";
import { type Aggregator, Gauge, type Registry } from "prom-client";
import type { PoolNumbers } from "./postgres/pool.ts";

/** What a node can say of its place in the cluster, and of what it stands on. */
export interface NodeSources {
  /** Nodes that live, this one too. */
  nodes(): number;
  /** Whether this node still has its number. */
  leaseHeld(): boolean;
  /** Connections to the database, by pool. */
  pools: Readonly<Record<string, () => PoolNumbers>>;
  /** Whether the database takes writes, as far as this node knows. */
  writable(): boolean;
  /** Seconds since the last moment up to which every reader of the log has seen all of it. */
  tailLag(): number;
  /** The log as the database has it; asked when somebody reads the metrics, and a failure leaves the last value. */
  logSize(): Promise<{ bytes: number; partitionsAhead: number }>;
  /** Whether the last round of presence could read and write its store. */
  presenceUp(): boolean;
  /** Rooms whose list of people somebody on this node watches. */
  presenceWatched(): number;
}

/** The `usher_…` gauges of a node. Each says how a parent makes one number of its workers'. */
export function addNodeMetrics(registry: Registry, sources: NodeSources): void {
  const registers = [registry];
  const gauge = (name: string, help: string, aggregator: Aggregator, read: () => number) =>
    new Gauge({
      name,
      help,
      aggregator,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge("usher_nodes", "Nodes that live, as this one knows.", "max", () => sources.nodes());
  gauge("usher_node_lease_held", "1: this node has its number.", "min", () => +sources.leaseHeld());
  gauge("usher_log_tail_lag_seconds", "Age of what the slowest reader of the log has seen.", "max", () =>
    sources.tailLag(),
  );
  gauge("usher_presence_up", "1: the store of presence answers.", "min", () => +sources.presenceUp());
  gauge("usher_presence_watched_rooms", "Rooms whose people are watched here.", "sum", () => sources.presenceWatched());
  gauge(
    "usher_database_writable",
    "1: the database takes what is written, as far as this node knows.",
    "min",
    () => +sources.writable(),
  );
  addPools(registry, sources.pools);
  addLogSize(registry, sources.logSize);
}

function addPools(registry: Registry, pools: NodeSources["pools"]): void {
  const registers = [registry];
  new Gauge({
    name: "usher_database_connections",
    help: "Connections to the database.",
    labelNames: ["pool", "state"],
    registers,
    collect() {
      for (const [pool, read] of Object.entries(pools)) {
        const { open, idle } = read();
        this.set({ pool, state: "used" }, open - idle);
        this.set({ pool, state: "idle" }, idle);
      }
    },
  });
  new Gauge({
    name: "usher_database_waiting",
    help: "Statements and transactions that wait for a connection.",
    labelNames: ["pool"],
    registers,
    collect() {
      for (const [pool, read] of Object.entries(pools)) this.set({ pool }, read().waiting);
    },
  });
}

/** ms. A frozen database must not take the metrics away that tell of it. */
const PATIENCE_MS = 1_000;

/** Every process asks the same database, so of many answers one is as good as the other. One question for both. */
function addLogSize(registry: Registry, read: NodeSources["logSize"]): void {
  let asked: Promise<{ bytes: number; partitionsAhead: number } | null> | null = null;
  const ask = () => {
    asked ??= read()
      .catch(() => null)
      .finally(() => {
        asked = null;
      });
    return Promise.race([asked, sleep(PATIENCE_MS, null, { ref: false })]);
  };
  new Gauge({
    name: "usher_log_bytes",
    help: "Size of the log in the database.",
    aggregator: "max",
    registers: [registry],
    async collect() {
      const found = await ask();
      if (found !== null) this.set(found.bytes);
    },
  });
  new Gauge({
    name: "usher_log_partitions_ahead",
    help: "Partitions of the log that stand ready; each is for six hours.",
    aggregator: "min",
    registers: [registry],
    async collect() {
      const found = await ask();
      if (found !== null) this.set(found.partitionsAhead);
    },
  });
}

import { type Aggregator, Gauge, type Registry } from "prom-client";
import { addConsumerMetrics } from "./log-consumers/metrics.ts";
import type { ConsumerStatus } from "./log-consumers/status.ts";
import type { PoolStats } from "./postgres/pool.ts";
import { shareQuery } from "./share-query.ts";

/** What a node can report of its part in the cluster, and of what it depends on. */
export interface NodeSources {
  /** Nodes that are live, this one too. */
  nodes(): number;
  /** Whether this node still has its number. */
  isLeaseHeld(): boolean;
  /** Connections to the database, by pool. */
  pools: Readonly<Record<string, () => PoolStats>>;
  /** Whether the database accepts writes, as far as this node knows. */
  isWritable(): boolean;
  /** Seconds since the last moment up to which every reader of the log has seen all of it. */
  tailLag(): number;
  /** The log as the database has it; queried at each scrape, and a failure leaves the last value. */
  logSize(): Promise<{ bytes: number; partitionsAhead: number }>;
  /** The stored consumers of the log as the database has them; the same. */
  logConsumers(): Promise<ConsumerStatus[]>;
  /** Whether the last presence sync could read and write its store. */
  isPresenceUp(): boolean;
  /** Rooms whose list of users a client on this node watches. */
  watchedRooms(): number;
}

/** The `usher_…` gauges of a node. Each says how a parent aggregates those of its workers. */
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
  gauge("usher_nodes", "Live nodes, as this one knows.", "max", () => sources.nodes());
  gauge("usher_node_lease_held", "1: this node has its number.", "min", () => +sources.isLeaseHeld());
  gauge("usher_log_tail_lag_seconds", "Age of what the slowest consumer of the log in memory has seen.", "max", () =>
    sources.tailLag(),
  );
  gauge("usher_presence_up", "1: the presence store responds.", "min", () => +sources.isPresenceUp());
  gauge("usher_presence_watched_rooms", "Rooms whose members' presence is watched here.", "sum", () =>
    sources.watchedRooms(),
  );
  gauge(
    "usher_database_writable",
    "1: the database accepts writes, as far as this node knows.",
    "min",
    () => +sources.isWritable(),
  );
  addPools(registry, sources.pools);
  addLogSize(registry, sources.logSize);
  addConsumerMetrics(registry, sources.logConsumers);
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

/** Every process queries the same database, so any one result will do. One query for both. */
function addLogSize(registry: Registry, read: NodeSources["logSize"]): void {
  const query = shareQuery(read);
  new Gauge({
    name: "usher_log_bytes",
    help: "Size of the log in the database.",
    aggregator: "max",
    registers: [registry],
    async collect() {
      const found = await query();
      if (found !== null) this.set(found.bytes);
    },
  });
  new Gauge({
    name: "usher_log_partitions_ahead",
    help: "Partitions of the log that are ready for what comes; each is for six hours.",
    aggregator: "min",
    registers: [registry],
    async collect() {
      const found = await query();
      if (found !== null) this.set(found.partitionsAhead);
    },
  });
}

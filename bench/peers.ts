import { startRedis } from "../tests/support/engines/redis.ts";
import { findTool } from "../tests/support/tools.ts";
import { deliver, USHER_FRAME } from "./fanout.ts";
import { perConnection } from "./idle.ts";
import { startNodes } from "./nodes.ts";
import { type Row, report } from "./report.ts";
import { type RunningServer, startBareBun, startGoHub, startSocketIo } from "./servers.ts";
import { startUsher } from "./usher.ts";

const READERS = 1_000;
/** Connections for the memory of one. */
const IDLE = 3_000;
/** Deliveries per second that all of them reach. */
const STEADY = 100_000;
const NOTHING = "nothing";
const LOG = "all: on disk, numbered, replayed";

/** Usher and others, each on one node and on two with Redis between them: the same readers, load and frame length. */
export async function peers(): Promise<void> {
  const rows: Row[] = [];
  const go = findTool("go") !== null;
  if (!go) console.warn("!! SKIPPED: the hub in Go, since Go is not here");
  for (const start of [startBareBun, startSocketIo, ...(go ? [startGoHub] : [])])
    rows.push(await row(await start(), 1, NOTHING));
  rows.push(await usherRow(1));
  for (const start of [startSocketIo, ...(go ? [startGoHub] : [])]) {
    const redis = await startRedis();
    const server = await start(redis.url);
    rows.push(await row({ ...server, others: [redis.pid()!] }, 2, NOTHING));
    await redis.close();
  }
  rows.push(await usherRow(2));
  report("peers", rows, [
    `One room with ${READERS.toLocaleString("en-US")} readers. All frames have ${USHER_FRAME} bytes, as Usher's have for a text of 200.`,
    `CPU and delay at ${STEADY / 1_000}k deliveries/s. CPU, all: with PostgreSQL and Redis. RSS: of one more connection, in the processes that hold them.`,
  ]);
}

async function usherRow(nodes: 1 | 2): Promise<Row> {
  const usher = nodes === 1 ? await startUsher() : await startNodes(["edge,api", "edge,api"], "redis");
  return row({ ...usher, name: "Usher", target: await usher.populate(IDLE, 1) }, nodes, LOG);
}

/** Measures a server and stops it. */
async function row(server: RunningServer, nodes: number, durability: string): Promise<Row> {
  const bytes = server.target.dialect === "usher" ? undefined : USHER_FRAME;
  // First, while the heap is small: a heap that a load has grown would hold the connections at no cost.
  const { further } = await perConnection(server, server.target, IDLE);
  const steady = await deliver(server, server.target, { readers: READERS, rate: STEADY / READERS, bytes });
  const peak = await deliver(server, server.target, { readers: READERS, rate: 0, bytes });
  await server.stop();
  return {
    server: server.name,
    nodes,
    keeps: durability,
    "max deliveries/s": peak["deliveries/s"],
    "p50 ms": steady["p50 ms"],
    "p99 ms": steady["p99 ms"],
    "CPU µs": steady["CPU µs"],
    "CPU µs, all": steady["CPU µs, all processes"],
    "RSS kB": further,
    lost: steady.lost + peak.lost,
  };
}

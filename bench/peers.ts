import { startRedis } from "../tests/support/engines/redis.ts";
import { findTool, howToInstall } from "../tests/support/tools.ts";
import { startCentrifugo } from "./centrifugo.ts";
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
const HISTORY = "the last 100, in memory, replayed";
/** What Centrifugo puts around a text that a client has published. */
const CENTRIFUGO_FRAME =
  '{"push":{"channel":"room","pub":{"data":"","info":{"user":"","client":"e94900b2-2543-4508-82aa-3419f0dbf158"}}}}';

/** Usher and others, on one node and most of them on two with Redis between them: the same readers, load and frame length. */
export async function peers(): Promise<void> {
  const rows: Row[] = [];
  const go = findTool("go") !== null;
  if (!go) console.warn("!! SKIPPED: the hub in Go, since Go is not here");
  for (const start of [startBareBun, startSocketIo, ...(go ? [startGoHub] : [])])
    rows.push(await row(await start(), 1, NOTHING));
  const centrifugo = findTool("centrifugo") !== null;
  if (!centrifugo) console.warn(`!! SKIPPED: Centrifugo, since it is not here: ${howToInstall(["centrifugo"])}`);
  for (const history of centrifugo ? [false, true] : [])
    rows.push(await row(await startCentrifugo(history), 1, history ? HISTORY : NOTHING));
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
    "Centrifugo joins several documents into one frame when it lags; each is counted.",
    `CPU and delay at ${STEADY / 1_000}k deliveries/s. CPU, all: with PostgreSQL and Redis. RSS: of one more connection, in the processes that hold them.`,
  ]);
}

async function usherRow(nodes: 1 | 2): Promise<Row> {
  const usher = nodes === 1 ? await startUsher() : await startNodes(["edge,api", "edge,api"], "redis");
  return row({ ...usher, name: "Usher", target: await usher.populate(IDLE, 1) }, nodes, LOG);
}

/** Measures a server and stops it. */
async function row(server: RunningServer, nodes: number, durability: string): Promise<Row> {
  const { dialect } = server.target;
  const around = dialect === "centrifugo" ? CENTRIFUGO_FRAME.length : 0;
  const bytes = dialect === "usher" ? undefined : USHER_FRAME - around;
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

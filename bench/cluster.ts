import { load } from "./load/jobs.ts";
import { type Broker, startNodes } from "./nodes.ts";
import { type Row, report } from "./report.ts";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const RATE = 1_000;
const WRITERS = 32;
const NODE = "edge,api";

const CASES: [name: string, nodes: number, broker: Broker][] = [
  ["one node", 1, "none"],
  ["redis", 2, "redis"],
  ["nats", 2, "nats"],
  ["postgres", 2, "postgres"],
  ["none: polling only", 2, "none"],
];

/** From sending a post on one node until a reader on another has it, at 1,000 posts a second, with each broker and with none. */
export async function cluster(): Promise<void> {
  const rows: Row[] = [];
  for (const [name, nodes, broker] of CASES) {
    const usher = await startNodes(new Array(nodes).fill(NODE), broker);
    const target = await usher.populate(WRITERS + 1, 1);
    const options = { writers: WRITERS, rate: RATE, seconds: SECONDS, bytes: 200 };
    const { result: reply, stop } = await load({ job: "posts", target, options });
    await stop();
    await usher.stop();
    rows.push({
      broker: name,
      "posts/s": Math.round(reply.perSecond),
      "ack p50 ms": reply.ack?.p50 ?? null,
      "ack p99 ms": reply.ack?.p99 ?? null,
      "delivered p50 ms": reply.delivery?.p50 ?? null,
      "delivered p99 ms": reply.delivery?.p99 ?? null,
      lost: reply.acknowledged - reply.delivered,
    });
  }
  report("cluster", rows, ["two nodes; delivered: from sending on one, through COMMIT, to a reader on the other"]);
}

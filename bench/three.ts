import { deliver } from "./fanout.ts";
import { startNodes } from "./nodes.ts";
import { type Row, report } from "./report.ts";

const NODE = "edge,api";
/** Readers of one room, and posts per second into it. */
const LOADS = [
  { readers: 999, rate: 100 },
  { readers: 99, rate: 1_000 },
];

/** What a delivery costs when the same readers and writers are spread over three nodes (Redis) and not on one. */
export async function three(): Promise<void> {
  const rows: Row[] = [];
  for (const { readers, rate } of LOADS) {
    let single = 0;
    for (const nodes of [1, 3]) {
      const usher = await startNodes(new Array(nodes).fill(NODE), nodes === 1 ? "none" : "redis");
      const cost = await deliver(usher, await usher.populate(readers, 1), { readers, rate });
      await usher.stop();
      const all = cost["CPU µs, all processes"];
      if (nodes === 1) single = all;
      rows.push({ nodes, readers, "posts/s": rate, ...cost, "all, more than one node %": (all / single - 1) * 100 });
    }
  }
  report("three", rows, ["CPU per delivery: of the nodes, of PostgreSQL, and of both with Redis"]);
}

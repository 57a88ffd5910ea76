import { load } from "./load/jobs.ts";
import { startNodes } from "./nodes.ts";
import { type Row, report } from "./report.ts";
import { startUsher } from "./usher.ts";

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);

/** All connections are cut at once, come back and resume: how long until the last one has its reply. On one node, and on three. */
export async function storm(): Promise<void> {
  const rows: Row[] = [];
  for (const nodes of [1, 3]) {
    const usher = nodes === 1 ? await startUsher() : await startNodes(new Array(nodes).fill("edge,api"), "redis");
    const began = performance.now();
    const target = await usher.populate(CONNECTIONS, 2);
    const joined = (performance.now() - began) / 1_000;
    const { result: reply, stop } = await load({
      job: "storm",
      target,
      options: { connections: CONNECTIONS, parallel: 512 },
    });
    await stop();
    await usher.stop();
    rows.push({
      nodes,
      connections: reply.connections,
      rooms: 2,
      "joins/s before": (CONNECTIONS * 2) / joined,
      recovered: reply.recovered,
      "p50 ms": reply.resumed?.p50 ?? null,
      "p99 ms": reply.resumed?.p99 ?? null,
      "last ms": reply.resumed?.max ?? null,
    });
  }
  report("storm", rows, [
    "limits of handshakes are the defaults; clients that are sent away for a second come back then",
    "joins: 128 at a time by REST to two channels, each person's first request, with which the account is made",
  ]);
}

import { load } from "./load/jobs.ts";
import { startNodes } from "./nodes.ts";
import { report } from "./report.ts";

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
const RATE = 5;

/** Stops a node that has all connections while another node takes posts: when each client is back, and with which entries. */
export async function drain(): Promise<void> {
  const usher = await startNodes(["edge,api", "edge,api"], "redis");
  const target = await usher.populate(CONNECTIONS, 1);
  const options = { connections: CONNECTIONS, rate: RATE, seconds: 15, pid: usher.pids[0]! };
  const { result: reply, stop } = await load({ job: "drain", target, options });
  await stop();
  await usher.stop();
  const { back, ...counts } = reply;
  report(
    "drain",
    [
      {
        connections: CONNECTIONS,
        ...counts,
        "back p50 ms": back?.p50 ?? null,
        "p99 ms": back?.p99 ?? null,
        "last ms": back?.max ?? null,
      },
    ],
    [`${RATE} posts a second to all of them; back: from SIGTERM until a reader has resumed on the other node`],
  );
}

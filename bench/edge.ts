import { deliver } from "./fanout.ts";
import { peakRssKb, rssKb } from "./measure.ts";
import { startNodes } from "./nodes.ts";
import { report } from "./report.ts";

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
const RATE = 10;

/** Memory of a node that only holds sockets: 10,000 in one room, with a steady rate of posts. */
export async function edge(): Promise<void> {
  const usher = await startNodes(["api", "edge"], "redis");
  const pid = usher.pids[1]!;
  const empty = rssKb(pid);
  const target = await usher.populate(CONNECTIONS, 1);
  const onEdge = { ...target, ports: target.ports.slice(1) };
  const cost = await deliver(usher, onEdge, { readers: CONNECTIONS, rate: RATE });
  report(
    "edge",
    [
      {
        connections: CONNECTIONS,
        "posts/s": RATE,
        ...cost,
        "RSS MiB, empty": empty / 1_024,
        "RSS MiB, at most": peakRssKb(pid) / 1_024,
      },
    ],
    ["ROLES=edge, with the API on another node; RSS at most: the peak of its whole life (VmHWM)"],
  );
  await usher.stop();
}

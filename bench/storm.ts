import { load } from "./load/jobs.ts";
import { report } from "./report.ts";
import { startUsher } from "./usher.ts";

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);

/** All connections are cut at once, come back and resume: how long until the last one has its answer. */
export async function storm(): Promise<void> {
  const usher = await startUsher();
  const target = await usher.populate(CONNECTIONS, 2);
  const { answer, stop } = await load({ job: "storm", target, options: { connections: CONNECTIONS, parallel: 512 } });
  await stop();
  await usher.stop();
  report("storm", [
    {
      connections: answer.connections,
      rooms: 2,
      recovered: answer.recovered,
      "p50 ms": answer.resumed?.p50 ?? null,
      "p99 ms": answer.resumed?.p99 ?? null,
      "last ms": answer.resumed?.max ?? null,
    },
  ]);
}

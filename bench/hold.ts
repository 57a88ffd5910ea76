import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../tests/support/free-port.ts";
import { Histogram } from "./load/histogram.ts";
import { openWays, type Way } from "./load/open-ways.ts";
import { mainThreadMs, processName, tree } from "./measure.ts";
import { type Row, report } from "./report.ts";
import { startUsher } from "./usher.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);

/** What one body costs, in ms: the longest time it blocked the server's event loop, by the clock and in CPU; CPU of the pages' thread in total. */
interface Cost {
  wall: number;
  cpu: number;
  pages: number;
}

/** How long bodies that anyone may send, of every size and shape, hold the event loop of the server, and the thread of the pages. */
export async function hold(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "usher-bench-hold-"));
  const probe = join(folder, "probe.sock");
  const grpcPort = await freePort();
  const usher = await startUsher(
    {
      BENCH_PROBE: probe,
      GRPC_PORT: String(grpcPort),
      GRPC_TOKEN: "a-token-that-is-never-sent",
      WS_BYTE_LIMIT: "1000000000",
      WS_CONNECT_LIMIT: "1000000",
    },
    undefined,
    ["--preload", join(import.meta.dir, "load/loop-probe.ts")],
  );
  const pages = tree(usher.pids[0]!).find((pid) => processName(pid).includes("end-with-parent"))!;

  async function measureCost(send: () => Promise<string>): Promise<Cost & { result: string }> {
    await longest();
    const before = mainThreadMs(pages);
    const result = await send();
    const cost = await longest();
    return { ...cost, pages: mainThreadMs(pages) - before, result };
  }

  async function longest(): Promise<Pick<Cost, "wall" | "cpu">> {
    return (await fetch("http://probe/", { unix: probe })).json() as Promise<Pick<Cost, "wall" | "cpu">>;
  }

  async function measureRow({ name, bodies, send }: Way): Promise<Row> {
    const results = new Set<string>();
    let worst = { what: "", wall: 0, cpu: 0, pages: 0 };
    let max = 0;
    const sent = bodies();
    for (const { what, body } of sent) {
      const [wall, cpu, inPages] = [new Histogram(), new Histogram(), new Histogram()];
      for (let round = 0; round < ROUNDS; round++) {
        const cost = await measureCost(() => send(body));
        wall.add(cost.wall);
        cpu.add(cost.cpu);
        inPages.add(cost.pages);
        results.add(cost.result);
        max = Math.max(max, cost.cpu);
      }
      const usual = { what, wall: median(wall), cpu: median(cpu), pages: median(inPages) };
      if (Math.max(usual.cpu, usual.pages) > Math.max(worst.cpu, worst.pages)) worst = usual;
    }
    return {
      way: name,
      bodies: sent.length,
      "worst body": worst.what,
      "cost, ms of CPU": worst.cpu,
      "any body at most": max,
      "by the clock": worst.wall,
      "CPU of the pages": worst.pages,
      results: [...results].toSorted().join(" "),
    };
  }

  const rows: Row[] = [];
  for (const way of await openWays(usher.url, grpcPort)) rows.push(await measureRow(way));
  await usher.stop();
  rmSync(folder, { recursive: true });
  report("hold", rows, [
    `Each body alone, ${ROUNDS} times: the median of the worst one, and the max of all. The clock includes the time of other programs.`,
  ]);
}

const median = (times: Histogram) => times.summary()?.p50 ?? 0;

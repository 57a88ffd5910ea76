import { load } from "./load/jobs.ts";
import { rssKb } from "./measure.ts";
import { type Row, report } from "./report.ts";
import { type RunningServer, startBareBun, startSocketIo, startWs } from "./servers.ts";
import { mintToken, startUsher } from "./usher.ts";

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);

async function perConnection(server: RunningServer, target = server.target): Promise<number> {
  const before = rssKb(server.pid);
  const held = await load({ job: "hold", target, connections: CONNECTIONS });
  await Bun.sleep(2_000); // The allocator's and the collector's last words; the figure is the level, not the peak.
  const after = rssKb(server.pid);
  await held.stop();
  return (after - before) / CONNECTIONS;
}

/** Memory of an idle connection: RSS of the serving process, before and with 10,000 connections. */
export async function idle(): Promise<void> {
  const rows: Row[] = [];
  for (const start of [startBareBun, startWs, startSocketIo]) {
    const server = await start();
    rows.push({ server: server.name, "kB RSS per connection": await perConnection(server) });
    await server.stop();
  }
  const usher = await startUsher();
  const tokens = await Promise.all(Array.from({ length: CONNECTIONS }, (_, n) => mintToken(`idle-${n}`)));
  rows.push({
    server: "Usher, token and one event room",
    "kB RSS per connection": await perConnection(usher, { ...usher.target, tokens, rooms: ["event:1"] }),
  });
  await usher.stop();
  const again = await startUsher();
  rows.push({
    server: "Usher, token and two member rooms",
    "kB RSS per connection": await perConnection(again, await again.populate(CONNECTIONS, 2)),
  });
  await again.stop();
  report("idle", rows, [`${CONNECTIONS} connections`]);
}

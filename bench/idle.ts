import { startRedis } from "../tests/support/engines/redis.ts";
import { findTool } from "../tests/support/tools.ts";
import { load } from "./load/jobs.ts";
import { rssKb } from "./measure.ts";
import { type Row, report } from "./report.ts";
import { type RunningServer, startBareBun, startSocketIo, startWs } from "./servers.ts";
import { mintToken, startUsher } from "./usher.ts";

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
const FIRST = CONNECTIONS / 10;
/** Until the collector has had its say: the figure is the level that stays, not the peak of connecting. */
const SETTLE_MS = 10_000;

/**
 * RSS of the serving process with a tenth of the connections and with all: the slope is what one more costs; what the first
 * ones cost besides (compiled code, pools) is in the second column, which divides the whole growth by all.
 */
async function perConnection(server: RunningServer, target = server.target): Promise<Row> {
  const empty = rssKb(server.pid);
  const first = await load({ job: "hold", target, connections: FIRST });
  await Bun.sleep(SETTLE_MS);
  const some = rssKb(server.pid);
  const others = { ...target, tokens: target.tokens?.slice(FIRST) };
  const rest = await load({ job: "hold", target: others, connections: CONNECTIONS - FIRST });
  await Bun.sleep(SETTLE_MS);
  const all = rssKb(server.pid);
  await Promise.all([first.stop(), rest.stop()]);
  return {
    server: server.name,
    "kB per further connection": (all - some) / (CONNECTIONS - FIRST),
    "kB, whole growth by all": (all - empty) / CONNECTIONS,
    "MB with all": all / 1024,
  };
}

/** Memory of an idle connection. */
export async function idle(): Promise<void> {
  const rows: Row[] = [];
  for (const start of [startBareBun, startWs, startSocketIo]) {
    const server = await start();
    rows.push(await perConnection(server));
    await server.stop();
  }
  const usher = await startUsher();
  const tokens = await Promise.all(Array.from({ length: CONNECTIONS }, (_, n) => mintToken(`idle-${n}`)));
  const inEventRoom = await perConnection(usher, { ...usher.target, tokens, rooms: ["event:1"] });
  rows.push({ ...inEventRoom, server: "Usher, token and one event room" });
  await usher.stop();
  const again = await startUsher();
  const inChannels = await perConnection(again, await again.populate(CONNECTIONS, 2));
  // Making 20,000 memberships has warmed this process: how much it grew from there tells nothing.
  rows.push({ ...inChannels, server: "Usher, token and two member rooms", "kB, whole growth by all": null });
  await again.stop();
  if (findTool("redis-server") !== null) {
    const redis = await startRedis();
    const shared = await startUsher({ REDIS_URL: redis.url });
    const target = { ...(await shared.populate(CONNECTIONS, 2)), presence: true };
    const watching = await perConnection(shared, target);
    const server = "Usher, the same, each watching who is there; presence in Redis";
    rows.push({ ...watching, server, "kB, whole growth by all": null });
    await shared.stop();
    await redis.close();
  }
  report("idle", rows, [`${CONNECTIONS} connections; RSS of the process that holds them, 10 s after the last one`]);
}

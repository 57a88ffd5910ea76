import { startRedis } from "../tests/support/engines/redis.ts";
import { findTool } from "../tests/support/tools.ts";
import { load } from "./load/jobs.ts";
import { rssKb } from "./measure.ts";
import { type Row, report } from "./report.ts";
import { type RunningServer, startBareBun, startSocketIo, startWs } from "./servers.ts";
import { mintToken, startUsher } from "./usher.ts";

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
/** Until the garbage collector has run: the figure is the level that stays, not the peak of connecting. */
const SETTLE_MS = Number(process.env.BENCH_SETTLE_MS ?? 20_000);

/**
 * RSS of the serving processes in kB, with a tenth of the connections and with all: the slope is what one more costs; what the first
 * ones cost besides (compiled code, pools) is in `whole`, which divides all the growth.
 */
export async function perConnection(
  server: RunningServer,
  target = server.target,
  connections = CONNECTIONS,
): Promise<{ further: number; whole: number; all: number }> {
  const rss = () => server.pids.reduce((sum, pid) => sum + rssKb(pid), 0);
  const few = connections / 10;
  const empty = rss();
  const first = await load({ job: "hold", target, connections: few });
  await Bun.sleep(SETTLE_MS);
  const some = rss();
  const others = { ...target, tokens: target.tokens?.slice(few) };
  const rest = await load({ job: "hold", target: others, connections: connections - few });
  await Bun.sleep(SETTLE_MS);
  const all = rss();
  await Promise.all([first.stop(), rest.stop()]);
  return { further: (all - some) / (connections - few), whole: (all - empty) / connections, all };
}

async function row(server: RunningServer, target = server.target, name = server.name): Promise<Row> {
  const { further, whole, all } = await perConnection(server, target);
  // Creating memberships has warmed up a process: its growth from there on means nothing.
  const cold = target.rooms?.some((room) => room.startsWith("channel:")) ? null : whole;
  return {
    server: name,
    "kB per further connection": further,
    "kB, whole growth by all": cold,
    "MB with all": all / 1024,
  };
}

/** Memory of an idle connection. */
export async function idle(): Promise<void> {
  const rows: Row[] = [];
  for (const start of [startBareBun, startWs, startSocketIo]) {
    const server = await start();
    rows.push(await row(server));
    await server.stop();
  }
  const usher = await startUsher();
  const tokens = await Promise.all(Array.from({ length: CONNECTIONS }, (_, n) => mintToken(`idle-${n}`)));
  const inEventRoom = { ...usher.target, tokens, rooms: ["event:1"] };
  rows.push(await row(usher, inEventRoom, "Usher, token and one event room"));
  await usher.stop();
  const again = await startUsher();
  rows.push(await row(again, await again.populate(CONNECTIONS, 2), "Usher, token and two member rooms"));
  await again.stop();
  if (findTool("redis-server") !== null) {
    const redis = await startRedis();
    const shared = await startUsher({ REDIS_URL: redis.url });
    const target = { ...(await shared.populate(CONNECTIONS, 2)), presence: true };
    rows.push(await row(shared, target, "Usher, the same, each watching who is there; presence in Redis"));
    await shared.stop();
    await redis.close();
  }
  report("idle", rows, [
    `${CONNECTIONS} connections; RSS of the process that holds them, ${SETTLE_MS / 1_000} s after the last one`,
  ]);
}

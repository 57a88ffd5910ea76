import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../src/platform/postgres/embedded.ts";
import { startNats } from "../tests/support/engines/nats.ts";
import { startRedis } from "../tests/support/engines/redis.ts";
import { load } from "./load/jobs.ts";
import { type Row, report } from "./report.ts";
import { startUsher } from "./usher.ts";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const RATES = (process.env.BENCH_RATES ?? "200,1000").split(",").map(Number);
const WRITERS = 32;

/** From sending a post on one node until a reader on the other has it, with each broker and with none. */
export async function brokers(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "usher-bench-brokers-"));
  const embedded = await startEmbedded({ dataDir, settings: { max_connections: "100" } });
  const redis = await startRedis();
  const nats = await startNats();
  const kinds: [string, Record<string, string>][] = [
    ["one node", { BROKER: "memory" }],
    ["redis", { BROKER: "redis", REDIS_URL: redis.url }],
    ["nats", { BROKER: "nats", NATS_URL: nats.url }],
    ["postgres", { BROKER: "postgres" }],
    ["none, ticks alone", { BROKER: "memory" }],
  ];
  const rows: Row[] = [];
  for (const [name, options] of kinds) {
    const env = { DATABASE_URL: embedded.url, ROLES: "edge,api", ...options };
    const one = await startUsher(env);
    const other = name === "one node" ? null : await startUsher(env);
    const target = await one.populate(WRITERS + 1, 1);
    await Bun.sleep(4_000); // the nodes know each other
    for (const rate of RATES) {
      const { answer, stop } = await load({
        job: "posts",
        target,
        options: { writers: WRITERS, rate, seconds: SECONDS, bytes: 200, readerPort: other?.target.port },
      });
      await stop();
      rows.push({
        broker: name,
        "posts/s": Math.round(answer.perSecond),
        "ack p50 ms": answer.ack?.p50 ?? null,
        "ack p99 ms": answer.ack?.p99 ?? null,
        "delivered p50 ms": answer.delivery?.p50 ?? null,
        "delivered p99 ms": answer.delivery?.p99 ?? null,
        lost: answer.acknowledged - answer.delivered,
      });
    }
    await other?.stop();
    await one.stop();
  }
  await nats.close();
  await redis.close();
  await embedded.stop();
  rmSync(dataDir, { recursive: true, force: true });
  report("brokers", rows, ["two nodes; delivered: from sending on one, through COMMIT, to a reader on the other"]);
}

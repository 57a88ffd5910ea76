import type { Target } from "./load/dialect.ts";
import { load } from "./load/jobs.ts";
import { type Row, report } from "./report.ts";
import { type RunningServer, startBareBun, startSocketIo, startWs } from "./servers.ts";
import { startUsher } from "./usher.ts";

const READERS = (process.env.BENCH_READERS ?? "1000,10000").split(",").map(Number);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const BYTES = 200;
/** Deliveries per second at the steady rate: what slower servers still reach. */
const STEADY = 300_000;

/** A frame of Usher's with a text of BYTES around it: type, room, seq, ids, author, client id and time. */
export const USHER_FRAME = 550;

/** One room under load: deliveries, what each cost the server, and its delay. `rate` in texts per second, 0: as fast as it goes. */
export async function deliver(
  { pids, others }: RunningServer,
  target: Target,
  { readers, rate, bytes = BYTES }: { readers: number; rate: number; bytes?: number },
) {
  const options = { readers, rate, window: 64, seconds: SECONDS, bytes, of: { pids, others } };
  const { result: reply, stop } = await load({ job: "fanout", target, options });
  await stop();
  const perDelivery = (ms: number) => (ms * 1_000) / reply.delivered;
  return {
    "deliveries/s": Math.round(reply.delivered / reply.seconds),
    "CPU µs": perDelivery(reply.cpu.serving),
    "CPU µs, PostgreSQL": perDelivery(reply.cpu.postgres),
    "CPU µs, all processes": perDelivery(reply.cpu.all),
    "p50 ms": reply.latency?.p50 ?? null,
    "p99 ms": reply.latency?.p99 ?? null,
    lost: reply.expected - reply.delivered,
  };
}

async function measure(
  server: RunningServer,
  readers: number,
  target = server.target,
  bytes = BYTES,
  name = server.name,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const rate of [STEADY / readers, 0]) {
    const loaded = rate === 0 ? "as fast as it goes" : `${STEADY / 1000}k/s`;
    rows.push({ server: name, readers, load: loaded, ...(await deliver(server, target, { readers, rate, bytes })) });
  }
  return rows;
}

/** One room, many readers, 200 bytes: cost and delay of a delivery at a steady rate, and the max deliveries per second. */
export async function fanout(): Promise<void> {
  const rows: Row[] = [];
  for (const readers of READERS) {
    for (const start of [startBareBun, startWs, startSocketIo]) {
      const server = await start();
      rows.push(...(await measure(server, readers)));
      if (start === startBareBun) {
        const name = `${server.name}, ${USHER_FRAME} bytes`;
        rows.push(...(await measure(server, readers, server.target, USHER_FRAME, name)));
      }
      await server.stop();
    }
    const usher = await startUsher();
    rows.push(...(await measure(usher, readers, await usher.populate(readers, 1))));
    await usher.stop();
  }
  report("fanout", rows, [
    `A text of ${BYTES} bytes. Peers send it bare; a frame of Usher's is ${USHER_FRAME} bytes then, so bare Bun is shown with that size too.`,
    "Usher writes each message durably to PostgreSQL, numbers it and can replay it; the others store nothing.",
    "CPU: of the serving process; with all its processes, PostgreSQL and the pages included, beside it.",
  ]);
}

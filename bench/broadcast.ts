import { freePort } from "../tests/support/free-port.ts";
import type { Target } from "./load/dialect.ts";
import { load } from "./load/jobs.ts";
import { type Row, report } from "./report.ts";
import { type RunningServer, startBareBun } from "./servers.ts";
import { startUsher } from "./usher.ts";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const READERS = 1_000;
const CALLERS = (process.env.BENCH_CALLERS ?? "1,16,64").split(",").map(Number);
/** Bytes of a frame: of an entry with a payload of 200 bytes. */
const FRAME = 270;

/** BroadcastEvent to one room by callers that each wait for their result, beside bare Bun that publishes what one socket sends. */
export async function broadcast(): Promise<void> {
  const port = await freePort();
  const usher = await startUsher({
    GRPC_PORT: String(port),
    SERVICE_RATE_LIMIT: "1000000",
    WS_CONNECT_LIMIT: "100000",
  });
  const target: Target = { ...usher.target, grpcPort: port, rooms: ["event:1"] };
  const bun = await startBareBun();
  const rows: Row[] = [];
  // A first, short load of each: what the process compiles then is not of these figures.
  for (const server of [bun, { ...usher, target }]) await measure(server, 16, 2);
  for (const callers of CALLERS)
    for (const server of [bun, { ...usher, target }]) rows.push(await measure(server, callers, SECONDS));
  for (const server of [bun, usher]) await server.stop();
  report("broadcast", rows, [
    `One room with ${READERS.toLocaleString("en-US")} readers; all frames have ${FRAME} bytes. Usher stores each before it is delivered.`,
    "Result: of BroadcastEvent by gRPC; with bare Bun until the last reader has the frame.",
  ]);
}

async function measure(server: RunningServer, callers: number, seconds: number): Promise<Row> {
  const { name, target, pids, others } = server;
  const options = { readers: READERS, callers, seconds, bytes: FRAME, of: { pids, others } };
  const { result: done, stop } = await load({ job: "broadcast", target, options });
  await stop();
  const perDelivery = (ms: number) => (ms * 1_000) / done.delivered;
  return {
    server: name,
    callers,
    "calls/s": Math.round(done.calls / done.seconds),
    "deliveries/s": Math.round(done.delivered / done.seconds),
    "CPU µs": perDelivery(done.cpu.serving),
    "CPU µs, PostgreSQL": perDelivery(done.cpu.postgres),
    "result p50 ms": done.result?.p50 ?? null,
    "result p99 ms": done.result?.p99 ?? null,
    lost: done.expected - done.delivered,
  };
}

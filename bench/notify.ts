import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../tests/support/free-port.ts";
import { goCaller, run, STUB_TOOLS } from "../tests/support/grpc-stubs.ts";
import { findTool } from "../tests/support/tools.ts";
import { waitUntil } from "../tests/support/wait-until.ts";
import { getAddress } from "./load/dialect.ts";
import { LoadSocket } from "./load/socket.ts";
import { cpuMeter } from "./measure.ts";
import { type Row, report } from "./report.ts";
import { mintToken, startUsher, type UsherServer } from "./usher.ts";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const PEOPLE = 200;

/** Concurrent callers, and calls per second; 0: as fast as they get responses. */
const LOADS = [
  { callers: 50, rate: 1_000 },
  { callers: 50, rate: 0 },
  { callers: 200, rate: 0 },
  // Once more, in a process that has run for a while.
  { callers: 50, rate: 1_000 },
];

/** NotifyBookingResult by a client in Go, to people who each have a socket: calls per second, and when it was delivered. */
export async function notify(): Promise<void> {
  const missing = STUB_TOOLS.filter((tool) => findTool(tool) === null);
  if (missing.length > 0)
    return console.warn(
      `!! SKIPPED: it needs ${missing.join(", ")}: sh scripts/test-tools.sh protoc-gen-go python-grpc`,
    );
  const proto = readFileSync(join(import.meta.dirname, "../protocol/proto/realtime.proto"), "utf8");
  const caller = await goCaller("bench", proto, join(import.meta.dirname, "notify-go"));
  const port = await freePort();
  const server = await startUsher({ GRPC_PORT: String(port), SERVICE_RATE_LIMIT: "1000000" });
  const delays: number[] = [];
  const guests = await Promise.all(Array.from({ length: PEOPLE }, (_, n) => openGuest(server, n, delays)));
  const ids = guests.map(({ id }) => id);
  const rows: Row[] = [];
  for (const { callers, rate } of LOADS) {
    delays.length = 0;
    const cpu = cpuMeter(server);
    const args = [`127.0.0.1:${port}`, SECONDS, callers, rate, ids.join(",")].map(String);
    const { calls, errors, seconds, p50, p99 } = JSON.parse(await run(".", [...caller, ...args]));
    await waitUntil("all was delivered", () => delays.length >= calls).catch(() => {});
    const spent = cpu();
    delays.sort((a, b) => a - b);
    rows.push({
      callers,
      load: rate === 0 ? "as fast as it goes" : `${rate}/s`,
      "calls/s": Math.round(calls / seconds),
      errors,
      "response p50 ms": p50,
      "response p99 ms": p99,
      "delivered p50 ms": delays[Math.floor(delays.length * 0.5)] ?? null,
      "delivered p99 ms": delays[Math.floor(delays.length * 0.99)] ?? null,
      "CPU µs a call": (spent.serving * 1_000) / calls,
      "CPU µs, PostgreSQL": (spent.postgres * 1_000) / calls,
      lost: calls - delays.length,
    });
  }
  await server.stop();
  report("notify", rows, [
    `${PEOPLE} people with a socket each; delivered: from before the call until the socket has it`,
  ]);
}

/** A person with a socket, whose own room comes by itself; each notice adds its delay in ms. */
async function openGuest({ url, target }: UsherServer, n: number, delays: number[]) {
  const token = await mintToken(`guest-${n}`);
  const headers = { authorization: `Bearer ${token}` };
  const me = (await (await fetch(`${url}/api/v1/users/me`, { headers })).json()) as { id: string };
  const socket = await LoadSocket.open(getAddress(target, n), `/ws?token=${token}`);
  socket.onFrame = (bytes, start, end) => {
    const text = Buffer.from(bytes.subarray(start, end)).toString("latin1");
    const sent = /"message":"(\d{16})"/.exec(text)?.[1];
    if (sent !== undefined) delays.push(performance.timeOrigin + performance.now() - Number(sent) / 1_000);
  };
  return { socket, id: me.id };
}

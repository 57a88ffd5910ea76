import { type Cpu, cpuMeter, type Processes } from "../measure.ts";
import { createDialect, type Dialect, type Target } from "./dialect.ts";
import { Histogram } from "./histogram.ts";
import type { LoadSocket } from "./socket.ts";

export interface FanoutOptions {
  readers: number;
  /** Publishes per second; 0 = as fast as it goes, with `window` published texts under way. */
  rate: number;
  window: number;
  seconds: number;
  bytes: number;
  /** Whose CPU is measured, from the first text until the last was delivered. */
  of: Processes;
}

export interface FanoutResult {
  published: number;
  /** Deliveries counted at the readers, of `expected` = published × readers. */
  delivered: number;
  expected: number;
  seconds: number;
  latency: { p50: number; p99: number; max: number } | null;
  cpu: Cpu;
}

/** Every 20th reader times what it gets; all readers count. */
const TIMED_EVERY = 20;
const PUBLISHERS = 32;

export async function connectReaders(dialect: Dialect, count: number): Promise<LoadSocket[]> {
  const sockets: LoadSocket[] = new Array(count);
  let next = 0;
  const one = async () => {
    while (next < count) {
      const n = next++;
      sockets[n] = await dialect.reader(n);
    }
  };
  await Promise.all(Array.from({ length: 64 }, one));
  return sockets;
}

/** A text of `bytes` characters that starts with the time of sending, `T=<ms with three decimals>;`. */
function stamped(bytes: number): string {
  return `T=${(performance.timeOrigin + performance.now()).toFixed(3)};`.padEnd(bytes, "x");
}

function age(bytes: Uint8Array, start: number, end: number): number | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  const at = text.indexOf("T=");
  return at < 0 ? null : performance.timeOrigin + performance.now() - Number(text.toString("latin1", at + 2, at + 19));
}

/** One room, many readers: publishes at a rate or as fast as it goes and counts every delivery. */
export async function fanout(target: Target, options: FanoutOptions): Promise<FanoutResult> {
  const dialect = createDialect(target);
  const sockets = await connectReaders(dialect, options.readers);
  const latency = new Histogram();
  let delivered = 0;
  let published = 0;
  const paced = sockets.slice(-1)[0]!;
  let seenByPaced = 0;
  for (const [n, socket] of sockets.entries()) {
    const timed = n % TIMED_EVERY === 0;
    socket.onFrame = (bytes, start, end) => {
      if (!dialect.isDelivery(bytes, start, end)) return;
      delivered++;
      if (socket === paced) seenByPaced++;
      if (!timed) return;
      const ms = age(bytes, start, end);
      if (ms !== null) latency.add(ms);
    };
    socket.onClose = () => {
      closed++;
    };
  }
  let closed = 0;
  const publish = () => {
    const publisher = sockets[published % Math.min(PUBLISHERS, sockets.length)]!;
    publisher.send(dialect.publish(stamped(options.bytes), published));
    published++;
  };

  const cpu = cpuMeter(options.of);
  const began = performance.now();
  const until = began + options.seconds * 1000;
  while (performance.now() < until) {
    const due =
      options.rate > 0
        ? ((performance.now() - began) / 1000) * options.rate - published
        : seenByPaced + options.window - published;
    for (let n = 0; n < due; n++) publish();
    await new Promise<void>((resolve) => (options.rate > 0 ? setTimeout(resolve, 1) : setImmediate(resolve)));
  }
  const seconds = (performance.now() - began) / 1000;
  const deliveredInTime = delivered;
  const expected = published * options.readers;
  for (let quiet = 0, last = -1; delivered < expected && quiet < 50; quiet = delivered === last ? quiet + 1 : 0) {
    last = delivered;
    await Bun.sleep(100);
  }
  const spent = cpu();
  if (closed > 0) throw new Error(`${closed} of ${options.readers} readers were closed by the server`);
  for (const socket of sockets) {
    socket.onClose = () => {};
    socket.cut();
  }
  return {
    published,
    delivered,
    expected,
    seconds: (seconds * delivered) / Math.max(1, deliveredInTime),
    latency: latency.summary(),
    cpu: spent,
  };
}

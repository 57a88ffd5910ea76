import { createDialect, type Target } from "./dialect.ts";
import { connectReaders } from "./fanout.ts";
import { Histogram } from "./histogram.ts";

export interface PostsOptions {
  writers: number;
  /** Posts per second over all writers; 0 = each writer sends its next post when the last one was acknowledged. */
  rate: number;
  seconds: number;
  bytes: number;
}

export interface PostsResult {
  acknowledged: number;
  /** Counted at one reader of the channel that does not write. */
  delivered: number;
  perSecond: number;
  /** From sending to the reply, and from sending to the reader, in ms. */
  ack: { p50: number; p99: number; max: number } | null;
  delivery: { p50: number; p99: number; max: number } | null;
}

const ACK = '"type":"system:ack"';
const ERROR = '"type":"system:error"';

/**
 * Posts over WebSocket to the first node, durable (the reply comes after COMMIT) and delivered: counts replies at the writers
 * and deliveries at a reader on the last node.
 */
export async function posts(target: Target, options: PostsOptions): Promise<PostsResult> {
  const dialect = createDialect(target);
  const { ports } = target;
  const [reader] = await connectReaders(createDialect({ ...target, ports: ports.slice(-1) }), 1);
  // The writers do not read: else 200 of them would make 200 deliveries of each post, which is another bench.
  const writing = createDialect({ ...target, ports: ports.slice(0, 1), tokens: target.tokens?.slice(1), rooms: [] });
  const writers = await connectReaders(writing, options.writers);
  const ack = new Histogram();
  const delivery = new Histogram();
  const sentAt = new Map<number, number>();
  const byClientId = new Map<string, number>();
  let sent = 0;
  let acknowledged = 0;
  let delivered = 0;
  let refused: string | null = null;
  const send = (writer: (typeof writers)[number]) => {
    const n = sent++;
    const now = performance.now();
    sentAt.set(n, now);
    byClientId.set(`bench-${process.pid}-${n}`, now);
    writer.send(dialect.publish(`T=${n};`.padEnd(options.bytes, "x"), n));
  };
  const until = performance.now() + options.seconds * 1000;
  const text = (bytes: Uint8Array, start: number, end: number) =>
    Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
  for (const writer of writers) {
    writer.onFrame = (bytes, start, end) => {
      if (dialect.isDelivery(bytes, start, end)) return;
      const frame = text(bytes, start, end);
      if (frame.includes(ERROR)) refused ??= frame;
      if (!frame.includes(ACK)) return;
      const n = Number(/"id":(\d+)/.exec(frame)?.[1]);
      ack.add(performance.now() - sentAt.get(n)!);
      sentAt.delete(n);
      acknowledged++;
      if (options.rate === 0 && performance.now() < until) send(writer);
    };
  }
  reader!.onFrame = (bytes, start, end) => {
    if (!dialect.isDelivery(bytes, start, end)) return;
    delivered++;
    const clientId = /"client_id":"([^"]+)"/.exec(text(bytes, start, end))?.[1] ?? "";
    delivery.add(performance.now() - byClientId.get(clientId)!);
    byClientId.delete(clientId);
  };
  const began = performance.now();
  if (options.rate === 0) for (const writer of writers) send(writer);
  while (performance.now() < until && refused === null) {
    if (options.rate > 0) {
      const due = ((performance.now() - began) / 1000) * options.rate - sent;
      for (let n = 0; n < due; n++) send(writers[sent % writers.length]!);
    }
    await Bun.sleep(1);
  }
  const seconds = (performance.now() - began) / 1000;
  const inTime = acknowledged;
  for (let waits = 0; waits < 100 && (acknowledged < sent || delivered < acknowledged); waits++) await Bun.sleep(50);
  if (refused !== null) throw new Error(`a post was refused: ${refused}`);
  return { acknowledged, delivered, perSecond: inTime / seconds, ack: ack.summary(), delivery: delivery.summary() };
}

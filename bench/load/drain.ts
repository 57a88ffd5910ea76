import { connectUsher, createDialect, joinRooms, type Target } from "./dialect.ts";
import { connectReaders } from "./fanout.ts";
import { Histogram } from "./histogram.ts";

export interface DrainOptions {
  connections: number;
  /** Posts per second, by a writer on another node. */
  rate: number;
  /** s of posts; the node is stopped after a fifth of them. */
  seconds: number;
  /** The node that is drained: the first of the target's ports. */
  pid: number;
}

export interface DrainResult {
  published: number;
  delivered: number;
  /** Numbers of the log that a reader did not get, and those it got again. */
  lost: number;
  twice: number;
  /** Resumes with the reply "not recovered". */
  unrecovered: number;
  /** Readers that were closed without a notice before. */
  unannounced: number;
  /** From the signal until a reader is in its room on another node, in ms. */
  back: { p50: number; p99: number; max: number } | null;
}

const SEQ = Buffer.from('"seq":');

/** All readers are on one node while others post; it is stopped, and each reader follows `system:bye` and resumes elsewhere. */
export async function drain(target: Target, options: DrainOptions): Promise<DrainResult> {
  const [first, ...others] = target.ports as [number, ...number[]];
  const room = target.rooms![0]!;
  const dialect = createDialect({ ...target, ports: [first] });
  const sockets = await connectReaders(dialect, options.connections);
  const start = (await joinRooms(sockets[0]!, [room]))[room]!;
  const elsewhere = { ...target, ports: others };
  const writer = await connectUsher(elsewhere, 0);
  const result = { published: 0, delivered: 0, lost: 0, twice: 0, unrecovered: 0, unannounced: 0 };
  const back = new Histogram();
  const seqs = new Float64Array(options.connections).fill(start.seq);
  let signalled = 0;
  let moved = 0;

  const read = (n: number) => (bytes: Uint8Array, from: number, to: number) => {
    const frame = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
    const at = frame.indexOf(SEQ);
    if (!dialect.isDelivery(bytes, from, to) || at < 0) return handleFrame(n, frame.toString());
    const seq = Number.parseInt(frame.toString("latin1", at + SEQ.length, at + SEQ.length + 16), 10);
    result.delivered++;
    if (seq <= seqs[n]!) result.twice++;
    else result.lost += seq - seqs[n]! - 1;
    seqs[n] = Math.max(seqs[n]!, seq);
  };

  function handleFrame(n: number, frame: string): void {
    if (frame.includes('"system:resumed"')) {
      if (!frame.includes('"recovered":true')) result.unrecovered++;
      back.add(performance.now() - signalled);
      moved++;
    }
    if (!frame.includes('"system:bye"')) return;
    const [minMs, maxMs] = JSON.parse(frame).payload.after;
    sockets[n]!.onClose = () => {};
    // It reads on the old connection until the time it was given.
    setTimeout(() => void reconnect(n), minMs + Math.random() * (maxMs - minMs));
  }

  async function reconnect(n: number): Promise<void> {
    sockets[n]!.onFrame = () => {};
    sockets[n]!.onClose = () => {};
    sockets[n]!.cut();
    const socket = await connectUsher(elsewhere, n);
    sockets[n] = socket;
    socket.onFrame = read(n);
    const rooms = { [room]: { seq: seqs[n]!, epoch: start.epoch } };
    socket.send(JSON.stringify({ type: "system:resume", id: 1, payload: { rooms } }));
  }

  for (const [n, socket] of sockets.entries()) {
    socket.onFrame = read(n);
    socket.onClose = () => {
      result.unannounced++;
      void reconnect(n);
    };
  }
  const began = performance.now();
  const until = began + options.seconds * 1_000;
  while (performance.now() < until) {
    const passed = (performance.now() - began) / 1_000;
    for (; result.published < passed * options.rate; result.published++)
      writer.send(dialect.publish("x".repeat(200), result.published));
    if (signalled === 0 && passed > options.seconds / 5) {
      signalled = performance.now();
      process.kill(options.pid, "SIGTERM");
    }
    await Bun.sleep(1);
  }
  const wanted = start.seq + result.published;
  const isDone = () => moved === options.connections && seqs.every((seq) => seq >= wanted);
  for (let waits = 0; waits < 300 && !isDone(); waits++) await Bun.sleep(100);
  // What never came is lost, too.
  for (const seq of seqs) result.lost += Math.max(0, wanted - seq);
  return { ...result, back: back.summary() };
}

import { connectUsher, createDialect, joinRooms, type Target, waitFor } from "./dialect.ts";
import { connectReaders } from "./fanout.ts";
import { Histogram } from "./histogram.ts";

export interface StormOptions {
  connections: number;
  /** Attempts to connect that are under way at once; the kernel's accept queue is the limit of what a client side can do. */
  parallel: number;
}

export interface StormResult {
  connections: number;
  /** From the cut of all to this client's `system:resumed`, in ms. */
  resumed: { p50: number; p99: number; max: number } | null;
  recovered: number;
}

/** All connections are cut at once and come back with their positions, until each has its reply. */
export async function storm(target: Target, options: StormOptions): Promise<StormResult> {
  const dialect = createDialect(target);
  const sockets = await connectReaders(dialect, options.connections);
  const positions = await joinRooms(sockets[0]!, target.rooms ?? []);
  const resume = JSON.stringify({ type: "system:resume", id: 1, payload: { rooms: positions } });
  const times = new Histogram();
  let recovered = 0;
  for (const socket of sockets) socket.cut();
  const cut = performance.now();
  let next = 0;
  const one = async () => {
    while (next < options.connections) {
      const socket = await connectUsher(target, next++);
      socket.send(resume);
      const result = await waitFor(socket, '"system:resumed"');
      times.add(performance.now() - cut);
      if (!result.includes('"recovered":false')) recovered++;
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, one));
  return { connections: options.connections, resumed: times.summary(), recovered };
}

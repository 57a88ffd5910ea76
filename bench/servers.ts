import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../tests/support/grpc-stubs.ts";
import type { Target } from "./load/dialect.ts";
import type { Processes } from "./measure.ts";

/** A server under load, of one node or several: what it is made of, and where it listens. */
export interface RunningServer extends Processes {
  name: string;
  target: Target;
  stop(): Promise<void>;
}

/** @param redis address of the Redis by which several nodes share messages; without one there is one node */
type StartPeer = (redis?: string) => Promise<RunningServer>;

function peer(name: string, dialect: Target["dialect"], getCommand: () => string[] | Promise<string[]>): StartPeer {
  return async (redis) => {
    const command = await getCommand();
    const env = { ...process.env, PORT: "0", ...(redis === undefined ? {} : { REDIS_URL: redis }) };
    const nodes = Array.from({ length: redis === undefined ? 1 : 2 }, () =>
      Bun.spawn(command, { stdout: "pipe", stderr: "inherit", env }),
    );
    const ports = await Promise.all(nodes.map(({ stdout }) => firstMatch(stdout, /listening (\d+)/)));
    return {
      name,
      pids: nodes.map(({ pid }) => pid),
      target: { dialect, host: "127.0.0.1", ports: ports.map(Number) },
      stop: async () => {
        for (const node of nodes) node.kill();
        await Promise.all(nodes.map(({ exited }) => exited));
      },
    };
  };
}

/** Reads a stream until a line matches; drains it afterwards. */
async function firstMatch(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended before it printed ${pattern}: ${text}`);
    text += decoder.decode(value, { stream: true });
    const found = pattern.exec(text)?.[1];
    if (found === undefined) continue;
    const drain = async (): Promise<void> => {
      for (let more = await reader.read(); !more.done; more = await reader.read());
    };
    drain().catch(() => {});
    return found;
  }
}

const file = (name: string) => join(import.meta.dirname, "peers", name);

export const startBareBun = peer("bare Bun.serve", "plain", () => [process.execPath, file("bare-bun.ts")]);
export const startWs = peer("ws on Node", "plain", () => ["node", file("ws-node.mjs")]);
export const startSocketIo = peer("Socket.IO on Node", "socket.io", () => ["node", file("socket-io-node.mjs")]);
export const startGoHub = peer("Go hub (gorilla/websocket)", "plain", async () => {
  const folder = join(import.meta.dirname, "../.cache/bench");
  mkdirSync(folder, { recursive: true });
  const program = join(folder, "go-hub");
  await run(file("go-hub"), ["go", "build", "-o", program, "."]);
  return [program];
});

import type { Target } from "./load/dialect.ts";

/** A server under load: where it listens, the process that serves, and the root of all its processes. */
export interface RunningServer {
  name: string;
  pid: number;
  target: Target;
  stop(): Promise<void>;
}

async function startPeer(name: string, dialect: Target["dialect"], command: string[]): Promise<RunningServer> {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit", env: { ...process.env, PORT: "0" } });
  const port = await firstMatch(child.stdout, /listening (\d+)/);
  return {
    name,
    pid: child.pid,
    target: { dialect, host: "127.0.0.1", port: Number(port) },
    stop: async () => {
      child.kill();
      await child.exited;
    },
  };
}

/** Reads a stream until a line matches; goes on draining it afterwards. */
export async function firstMatch(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended before it said ${pattern}: ${text}`);
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

const peer = (file: string) => `${import.meta.dir}/peers/${file}`;

export const startBareBun = () => startPeer("bare Bun.serve", "plain", [process.execPath, peer("bare-bun.ts")]);
export const startWs = () => startPeer("ws on Node", "plain", ["node", peer("ws-node.mjs")]);
export const startSocketIo = () => startPeer("Socket.IO on Node", "socket.io", ["node", peer("socket-io-node.mjs")]);

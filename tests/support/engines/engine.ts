import { connect } from "node:net";
import { waitUntil } from "../wait-until.ts";

/** A real server as a separate process, on the same port after each restart. */
export interface Engine {
  port: number;
  /** Of the process that runs now; null while none does. */
  pid(): number | null;
  /** Starts it; resolves when it takes connections. The engine's creator calls it first; again after `stop` or `kill`. */
  start(): Promise<void>;
  /** Stops it gracefully, by SIGTERM. Resolves when it has ended. */
  stop(): Promise<void>;
  /** By SIGKILL. */
  kill(): Promise<void>;
  /** Freezes it: connections stay, nothing gets a response. */
  pause(): void;
  resume(): void;
  /** Ends it permanently and removes its files. */
  close(): Promise<void>;
}

/**
 * @param command what to run; it must listen on `port` of 127.0.0.1 and stay in the foreground
 * @param remove deletes the files
 */
export async function startEngine(port: number, command: string[], remove: () => void): Promise<Engine> {
  let child: Bun.Subprocess | null = null;

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === null) return;
    if (signal !== "SIGKILL") child.kill("SIGCONT");
    child.kill(signal);
    await child.exited;
    child = null;
  }

  const engine: Engine = {
    port,
    pid: () => child?.pid ?? null,
    async start() {
      const started = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
      child = started;
      await waitUntil(`${command[0]} takes connections on ${port}`, () => {
        if (started.exitCode !== null) throw new Error(`it ended with ${started.exitCode}`);
        return acceptsConnections(port);
      });
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    pause: () => child?.kill("SIGSTOP"),
    resume: () => child?.kill("SIGCONT"),
    async close() {
      await end("SIGKILL");
      remove();
    },
  };
  await engine.start();
  return engine;
}

function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

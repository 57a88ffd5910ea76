import { freePort } from "../free-port.ts";
import { findTool } from "../tools.ts";
import { type Engine, startEngine } from "./engine.ts";

export type { Engine };

export interface NatsEngine extends Engine {
  /** `nats://127.0.0.1:PORT`, with the user's name and password when there is one. */
  url: string;
}

/** NATS core. `options` are nats-server's own, such as `["--user", "u", "--pass", "p"]`. */
export async function startNats(options: string[] = []): Promise<NatsEngine> {
  const port = await freePort();
  const command = [findTool("nats-server")!, "-a", "127.0.0.1", "-p", String(port), ...options];
  return { ...(await startEngine(port, command, () => {})), url: `nats://127.0.0.1:${port}` };
}

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../tests/support/free-port.ts";
import { findTool } from "../tests/support/tools.ts";
import { waitUntil } from "../tests/support/wait-until.ts";
import type { RunningServer } from "./servers.ts";

/** Centrifugo as it comes, open to any client. `history`: it keeps the last messages in memory, and clients can recover from them. */
export async function startCentrifugo(history: boolean): Promise<RunningServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "usher-bench-centrifugo-"));
  const file = join(folder, "config.json");
  writeFileSync(file, JSON.stringify(buildConfig(port, history)));
  const child = Bun.spawn([findTool("centrifugo")!, "-c", file], { stdout: "ignore", stderr: "inherit" });
  await waitUntil("Centrifugo is there", async () => (await fetch(`http://127.0.0.1:${port}/health`)).ok);
  return {
    name: history ? "Centrifugo, history and recovery" : "Centrifugo",
    pids: [child.pid],
    target: { dialect: "centrifugo", host: "127.0.0.1", ports: [port] },
    stop: async () => {
      child.kill();
      await child.exited;
      rmSync(folder, { recursive: true });
    },
  };
}

function buildConfig(port: number, history: boolean) {
  return {
    http_server: { address: "127.0.0.1", port: String(port) },
    health: { enabled: true },
    log: { level: "error" },
    // The load's client sends no pongs of this protocol; a measurement takes less than five minutes.
    client: { insecure: true, allowed_origins: ["*"], ping_interval: "300s", pong_timeout: "60s" },
    channel: {
      without_namespace: history ? { history_size: 100, history_ttl: "60s", force_recovery: true } : {},
    },
  };
}

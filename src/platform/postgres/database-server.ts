import { join, resolve } from "node:path";
import type { Config } from "../../config/options.ts";
import { socketUrl, startEmbedded } from "./embedded.ts";
import { checkExternal } from "./external.ts";
import { runningSocketFolder } from "./postmaster.ts";
import type { ServerLog } from "./server-lines.ts";
import { hasSocket } from "./socket-folder.ts";

/** A PostgreSQL that can be connected to. */
export interface DatabaseServer {
  url: string;
  /** False while new connections find no socket: it is being restarted, or its folder was removed. Other addresses: true. */
  isReachable(): boolean;
  /** Stops what was started here; an external server runs on. */
  stop(): Promise<void>;
}

type Settings = Pick<Config, "DATABASE_URL" | "DATA_DIR">;

/**
 * The database of this Usher: the one that DATABASE_URL names, otherwise an embedded one in DATA_DIR, of which this process
 * is the only owner.
 *
 * @param log gets the lines of the embedded server, and a message while an external one is waited for
 * @param settings further ones of the embedded server
 * @throws StartError in a sentence
 */
export async function startDatabase(
  config: Settings,
  log: ServerLog,
  settings: Record<string, string> = {},
): Promise<DatabaseServer> {
  if (config.DATABASE_URL === null) {
    const server = await startEmbedded({ dataDir: config.DATA_DIR, log, settings });
    return { url: server.url, isReachable: createReachabilityCheck(server.url), stop: server.stop };
  }
  await checkExternal(config.DATABASE_URL, (sentence) => log("warn", sentence));
  return { url: config.DATABASE_URL, isReachable: createReachabilityCheck(config.DATABASE_URL), stop: async () => {} };
}

/** The same for a tool beside a running Usher: the embedded server that runs already is used, and left running. */
export async function connectDatabase(config: Settings, log: ServerLog): Promise<DatabaseServer> {
  const running = config.DATABASE_URL === null ? runningSocketFolder(join(resolve(config.DATA_DIR), "postgres")) : null;
  if (running === null) return startDatabase(config, log);
  const url = socketUrl(running);
  return { url, isReachable: createReachabilityCheck(url), stop: async () => {} };
}

/** By the socket, where the URL names one: that of an embedded server, which a worker or another node gets too. */
function createReachabilityCheck(url: string): () => boolean {
  const { hostname, port, searchParams } = new URL(url);
  const host = searchParams.get("host") ?? decodeURIComponent(hostname);
  return host.startsWith("/") ? () => hasSocket(host, port || undefined) : () => true;
}

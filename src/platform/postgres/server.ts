import { join, resolve } from "node:path";
import type { Config } from "../../config/options.ts";
import { type Log, socketUrl, startEmbedded } from "./embedded.ts";
import { checkExternal } from "./external.ts";
import { runningSocketFolder } from "./postmaster.ts";

/** A PostgreSQL that can be connected to. */
export interface DatabaseServer {
  url: string;
  /** Stops what was started here; an external server runs on. */
  stop(): Promise<void>;
}

type Settings = Pick<Config, "DATABASE_URL" | "DATA_DIR">;

/**
 * The database of this Usher: the one that DATABASE_URL names, otherwise an embedded one in DATA_DIR, of which this process
 * is the only owner.
 *
 * @param log takes what the embedded server says, and a sentence when an external one lets us wait
 * @param settings further ones of the embedded server
 * @throws StartError in a sentence
 */
export async function startDatabase(
  config: Settings,
  log: Log,
  settings: Record<string, string> = {},
): Promise<DatabaseServer> {
  if (config.DATABASE_URL === null) return startEmbedded({ dataDir: config.DATA_DIR, log, settings });
  await checkExternal(config.DATABASE_URL, (sentence) => log("warn", sentence));
  return { url: config.DATABASE_URL, stop: async () => {} };
}

/** The same for a tool beside a running Usher: the embedded server that runs already is used, and left running. */
export async function reachDatabase(config: Settings, log: Log): Promise<DatabaseServer> {
  const running = config.DATABASE_URL === null ? runningSocketFolder(join(resolve(config.DATA_DIR), "postgres")) : null;
  if (running !== null) return { url: socketUrl(running), stop: async () => {} };
  return startDatabase(config, log);
}

import { setTimeout as sleep } from "node:timers/promises";
import { isSystemError, StartError } from "../../config/start-error.ts";
import { sqlState } from "./database-errors.ts";
import { openDatabase } from "./pool.ts";

/** transaction_timeout is of 17. */
const MIN_MAJOR = 17;

/**
 * Checks the server at DATABASE_URL, and waits for one that is still starting: containers start in any order.
 *
 * @param onWait called once when it has to wait, with a sentence
 * @param timeoutMs ms that it may take to respond
 * @throws StartError in a sentence without the password: unreachable, refused, no such database, too old
 */
export async function checkExternal(
  url: string,
  onWait: (sentence: string) => void,
  timeoutMs = 30_000,
): Promise<void> {
  const { hostname, port, pathname } = new URL(url);
  const where = `${decodeURIComponent(hostname)}${port ? `:${port}` : ""}`;
  const database = openDatabase(url, { max: 1, timeoutMs: null });
  const deadline = performance.now() + timeoutMs;
  try {
    for (let waits = 0; ; waits++) {
      try {
        const [row] = await database.sql<{ version: number }[]>`
          SELECT current_setting('server_version_num')::int AS version`;
        const major = Math.floor(row!.version / 10_000);
        if (major >= MIN_MAJOR) return;
        throw new StartError(`The PostgreSQL at ${where} is version ${major}; Usher needs ${MIN_MAJOR} or newer.`);
      } catch (error) {
        if (!isStarting(error) || performance.now() > deadline)
          throw explainConnectError(error, where, pathname.slice(1));
        if (waits === 0) onWait(`Waiting for the PostgreSQL at ${where} …`);
        await sleep(250);
      }
    }
  } finally {
    await database.close();
  }
}

function isStarting(error: unknown): boolean {
  return sqlState(error) === "57P03" || isSystemError(error, ...UNREACHABLE_CODES);
}

const UNREACHABLE_CODES = ["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EAI_AGAIN", "ENOENT", "CONNECTION_LOST"];

function explainConnectError(error: unknown, where: string, name: string): unknown {
  const state = sqlState(error) ?? "";
  const reason = error instanceof Error ? error.message : String(error);
  if (isStarting(error)) return new StartError(`No PostgreSQL responds at ${where} (${reason}). Check DATABASE_URL.`);
  if (state.startsWith("28"))
    return new StartError(`The PostgreSQL at ${where} refuses the sign-in: ${reason}. Check DATABASE_URL.`);
  if (state === "3D000") {
    return new StartError(
      `The PostgreSQL at ${where} has no database "${name}". Create it: CREATE DATABASE "${name}".`,
    );
  }
  if (error instanceof StartError) return error;
  // The client library's own sentence for a server that asks for a password which the URL does not have.
  if (reason.includes("client password must be a string"))
    return new StartError(
      `The PostgreSQL at ${where} asks for a password, and DATABASE_URL has none: postgres://user:password@host:port/database.`,
    );
  return new StartError(`Usher cannot use the PostgreSQL at ${where}: ${reason}. Check DATABASE_URL.`);
}

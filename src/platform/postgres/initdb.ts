import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isSystemError, StartError } from "../../config/start-error.ts";
import type { Binaries } from "./binaries.ts";
import type { SystemUser } from "./system-user.ts";

/** What PostgreSQL's programs get to see of the environment: no PG… variable of the user misleads them. */
export const CLEAN_ENV = { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", HOME: "/" };

/**
 * Makes sure that `folder` holds a PostgreSQL cluster of our version, with the role and database `usher`.
 * A new one is made beside it and moved into place when whole, so a crash in the middle leaves nothing.
 *
 * @param durable false leaves out fsync, for tests
 * @throws StartError for another version's folder, a full disk, a folder that cannot be written
 */
export function ensureCluster(folder: string, binaries: Binaries, user: SystemUser | null, durable: boolean): void {
  const versionFile = join(folder, "PG_VERSION");
  if (existsSync(versionFile)) {
    checkVersion(folder, readFileSync(versionFile, "utf8").trim(), binaries.major);
    return;
  }
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new StartError(
      `${folder} holds files, but no PostgreSQL data. Move them away, or set DATA_DIR to another folder.`,
    );
  }
  const fresh = `${folder}.new`;
  try {
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true, mode: 0o700 });
    if (user) chownSync(fresh, user.uid, user.gid);
    runProgram(user, binaries.initdb, [
      `--pgdata=${fresh}`,
      "--username=postgres",
      "--auth=trust",
      "--encoding=UTF8",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
      "--data-checksums",
      "--no-instructions",
      ...(durable ? [] : ["--no-sync"]),
    ]);
    const setUp = "CREATE ROLE usher LOGIN CREATEDB;\nCREATE DATABASE usher OWNER usher;\n";
    runProgram(user, binaries.postgres, ["--single", ...(durable ? [] : ["-F"]), "-D", fresh, "postgres"], setUp);
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw explainFolderError(error, folder);
  }
}

function checkVersion(folder: string, found: string, ours: string): void {
  if (found === ours) return;
  throw new StartError(
    `${folder} was made by PostgreSQL ${found}, and this Usher brings PostgreSQL ${ours}, which cannot read it. ` +
      `Start the Usher version that made it, or set DATA_DIR to another folder to begin with an empty database.`,
  );
}

function runProgram(user: SystemUser | null, program: string, args: string[], input = ""): void {
  const identity = user ? { uid: user.uid, gid: user.gid } : {};
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...identity,
    cwd: "/",
    env: CLEAN_ENV,
    input,
    encoding: "utf8",
  });
  if (error) throw error;
  if (status !== 0 || /\bERROR:/.test(stderr)) throw new Error(`${program} failed: ${stderr || stdout}`);
}

/** Turns what PostgreSQL or the system said about the data folder into a sentence; other errors pass as they are. */
export function explainFolderError(error: unknown, folder: string): unknown {
  const text = error instanceof Error ? error.message : String(error);
  if (isSystemError(error, "ENOSPC", "EDQUOT") || text.includes("No space left on device")) {
    return new StartError(`The disk of ${folder} is full. Make room, or set DATA_DIR to a folder on another disk.`);
  }
  if (isSystemError(error, "EACCES", "EPERM", "EROFS") || /Permission denied|Read-only file system/.test(text)) {
    return new StartError(`${folder} cannot be written (${text.trim()}). Give Usher a DATA_DIR that it may write.`);
  }
  return error;
}

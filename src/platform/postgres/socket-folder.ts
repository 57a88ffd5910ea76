import { chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { isAlive, readLockFile } from "./postmaster.ts";
import { checkAccess, type SystemUser } from "./system-user.ts";

/** How the names of the folders begin in which our servers listen. */
const PREFIX = "usher-";

/** A private folder with a short name: the path of a unix socket has at most 103 bytes on macOS, 107 on Linux. */
export function makeSocketFolder(user: SystemUser | null): string {
  const temporary = Buffer.byteLength(tmpdir()) > 70 ? "/tmp" : tmpdir();
  checkAccess(user, temporary);
  const folder = mkdtempSync(join(temporary, PREFIX));
  if (user) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** Makes it again under its name when it was removed. Throws when the name belongs to another user by now. */
export function restoreSocketFolder(folder: string, user: SystemUser | null): void {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) {
    mkdirSync(folder, { mode: 0o700 });
    if (user) chownSync(folder, user.uid, user.gid);
  } else if (!found.isDirectory() || found.uid !== (user?.uid ?? process.geteuid?.())) {
    throw new Error(`${folder}, where the embedded PostgreSQL listened, belongs to another user by now.`);
  }
}

/** Whether a server that listens in this folder can be reached by new connections. */
export function hasSocket(folder: string, port = "5432"): boolean {
  return existsSync(join(folder, `.s.PGSQL.${port}`));
}

/** Removes the folder of a server that has gone. One in which any server still listens stays. */
export function removeAbandoned(folder: string): void {
  if (!basename(folder).startsWith(PREFIX) || !existsSync(folder)) return;
  const locks = readdirSync(folder).filter((name) => name.endsWith(".lock"));
  if (locks.some((name) => isAlive(readLockFile(join(folder, name))?.pid ?? 0))) return;
  rmSync(folder, { recursive: true, force: true });
}

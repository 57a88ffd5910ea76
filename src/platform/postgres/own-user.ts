import { lchownSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isSystemError } from "../../config/start-error.ts";
import type { SystemUser } from "./system-user.ts";

/** Below those that systemd assigns (DynamicUser begins at 61,184). */
const FIRST_UID = 61_001;
const LAST_UID = 61_183;

/**
 * The user that a server which a shared one would run is handed to: a number without an account, so that no other program runs as
 * it, and none can read the database's files or reach its socket, where nothing asks for a password. A folder that was made, or
 * run, as the shared user is given to it, with all that is in it; after a crash in the middle the other files are given at the next start.
 *
 * @param warn called when that cannot be done, as in a container whose system knows no such numbers: then it stays as it was
 */
export function moveToOwnUser(
  folder: string,
  user: SystemUser | null,
  warn: (line: string) => void,
): SystemUser | null {
  if (user === null || !user.isShared) return user;
  const id = findFreeUid();
  try {
    if (id === null) throw new Error(`all numbers from ${FIRST_UID} to ${LAST_UID} have an account`);
    changeOwner(folder, id);
    return { uid: id, gid: id, isShared: false };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    warn(
      `The embedded PostgreSQL runs as user ${user.uid}, as other programs of this machine may, who can then read all of it: it could ` +
        `not be given a user of its own (${error.message}). Start Usher as an ordinary user that nothing else runs as.`,
    );
    return user;
  }
}

function findFreeUid(): number | null {
  const taken = new Set(readAccounts().map((line) => Number(line.split(":")[2])));
  for (let id = FIRST_UID; id <= LAST_UID; id++) if (!taken.has(id)) return id;
  return null;
}

function readAccounts(): string[] {
  try {
    return readFileSync("/etc/passwd", "utf8").split("\n");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return [];
    throw error;
  }
}

/** The folder itself last: its owner is the user that runs the server. */
function changeOwner(folder: string, id: number): void {
  const inside = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
  const elsewhere = inside.find((path) => lstatSync(path).isSymbolicLink());
  if (elsewhere !== undefined) throw new Error(`${elsewhere} leads out of the folder`);
  for (const path of [...inside, folder]) lchownSync(path, id, id);
}

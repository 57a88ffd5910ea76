import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { StartError } from "../../config/start-error.ts";

/** The operating system's user that runs the embedded PostgreSQL when we are root, which PostgreSQL refuses. */
export interface SystemUser {
  uid: number;
  gid: number;
  /** Other programs of this machine may run as this user too: it is `nobody`. */
  isShared: boolean;
}

/**
 * The user that makes PostgreSQL's folder, or owns it: null for the current user. Root hands over to the folder's owner, or to
 * `nobody` for a new folder, since initdb needs a user with an account; `moveToOwnUser` says which user runs the server then.
 * Throws a StartError when the folder belongs to another user.
 */
export function findPostgresUser(folder: string): SystemUser | null {
  const me = process.geteuid?.() ?? 0;
  const owner = statSync(folder, { throwIfNoEntry: false });
  if (me !== 0) {
    if (owner && owner.uid !== me) {
      throw new StartError(
        `${folder} belongs to another user (uid ${owner.uid}; Usher runs as uid ${me}). Start Usher as that user, ` +
          `give the folder away with "chown -R ${me} ${folder}", or set DATA_DIR to another folder.`,
      );
    }
    return null;
  }
  const sharedUid = readSharedId("-u");
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, isShared: owner.uid === sharedUid };
  const sharedGid = readSharedId("-g");
  if (sharedUid === null || sharedGid === null) {
    throw new StartError(
      'PostgreSQL does not run as root, and there is no user "nobody" to hand it to. Start Usher as an ordinary user.',
    );
  }
  return { uid: sharedUid, gid: sharedGid, isShared: true };
}

/** The uid or gid of `nobody`; null when there is no such user. */
function readSharedId(flag: "-u" | "-g"): number | null {
  const { status, stdout } = spawnSync("id", [flag, "nobody"], { encoding: "utf8" });
  return status === 0 ? Number(stdout) : null;
}

/** Throws a StartError when that user cannot read the path, as under a /root that is closed to others. */
export function checkAccess(user: SystemUser | null, path: string): void {
  if (user === null) return;
  const { status } = spawnSync("test", ["-x", path], { uid: user.uid, gid: user.gid, cwd: "/" });
  if (status === 0) return;
  throw new StartError(
    `PostgreSQL does not run as root, so Usher runs it as user ${user.uid}, who cannot reach ${path}. Start Usher as an ` +
      `ordinary user, or move it out of the closed folder (to /opt, for example).`,
  );
}

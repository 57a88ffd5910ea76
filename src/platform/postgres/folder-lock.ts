import { dlopen, FFIType } from "bun:ffi";
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { StartError } from "../../config/start-error.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Makes this process the only owner of a data folder. It is the kernel's lock (flock), so it ends with the process,
 * however the process ends, and holds between containers that share the folder.
 *
 * @param file the lock file; holds the owner's process id, for the sentence that the second one reads
 * @returns a function that releases the lock
 * @throws StartError when another process holds it
 */
export function lockFolder(file: string): () => void {
  const fd = openSync(file, "a+", 0o600);
  if (!flock(fd)) {
    const owner = readFileSync(file, "utf8").trim();
    closeSync(fd);
    throw new StartError(
      `Another Usher is running on this data folder (process ${owner || "unknown"}; lock ${file}). ` +
        `Stop it first, or set DATA_DIR to another folder.`,
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return () => closeSync(fd);
}

function flock(fd: number): boolean {
  const library = dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  });
  try {
    return library.symbols.flock(fd, LOCK_EX | LOCK_NB) === 0;
  } finally {
    library.close();
  }
}

/**
 * Something a person has to put right before Usher can start: a taken port, a folder of somebody else, a full disk.
 * The program prints its sentence, without a stack, and exits with code 1.
 */
export class StartError extends Error {
  override readonly name: string = "StartError";
}

/** Ends the program with code 1: the sentence alone for what a person has to put right, everything for a defect of ours. */
export function exitWith(error: unknown): never {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
}

/** True for a Node-style system error with this code, such as `isSystemError(error, "ENOENT")`. */
export function isSystemError(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
}

/**
 * Runs what listens on a port; a port that cannot be had becomes a StartError that names the option to change.
 * @param option the option's name, such as "HTTP_PORT"
 */
export function listenOn<T>(option: string, port: number, listen: () => T): T {
  try {
    return listen();
  } catch (error) {
    if (isSystemError(error, "EADDRINUSE")) {
      throw new StartError(
        `Port ${port} is taken by another program. Stop that one, or set ${option} to another port.`,
      );
    }
    if (isSystemError(error, "EACCES")) {
      throw new StartError(`Port ${port} is closed to ordinary users. Set ${option} to a port of 1024 or above.`);
    }
    if (isSystemError(error, "EADDRNOTAVAIL")) {
      throw new StartError(`This machine has no such address to listen on. Check the address beside ${option}.`);
    }
    throw error;
  }
}

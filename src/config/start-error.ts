/**
 * Something a person has to correct before Usher can start: a port in use, a folder of another user, a full disk.
 * The program prints its message, without a stack, and exits with code 1.
 */
export class StartError extends Error {
  override readonly name: string = "StartError";
}

/** Ends the program with code 1: the message alone for a StartError, with the stack for a defect. */
export function exitWith(error: unknown): never {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
}

/** True for a Node-style system error with this code, such as `isSystemError(error, "ENOENT")`. */
export function isSystemError(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
}

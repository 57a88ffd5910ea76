/**
 * Something a person has to put right before Usher can start: a taken port, a folder of another user, a full disk.
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

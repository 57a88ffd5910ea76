import { AppError } from "../../src/platform/errors.ts";

/** The code of the AppError that this rejects with; "ok" when it does not reject. Any other error is thrown on. */
export async function errorCode(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "ok";
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

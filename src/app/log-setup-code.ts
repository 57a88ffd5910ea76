import type { Identity } from "../identity/index.ts";
import type { Program } from "./program.ts";

/** Logs how the first account is made, for as long as there is none. Of several workers one logs it. */
export async function logSetupCode(
  { logger, worker, onError }: Pick<Program, "logger" | "worker" | "onError">,
  identity: Pick<Identity, "setupCode">,
): Promise<void> {
  if (worker !== null && worker.index !== 0) return;
  const code = await identity.setupCode().catch(onError);
  if (code)
    logger.warn(
      `there is no account yet, and the first one owns this server; made from another machine it takes the set-up code ${code}`,
    );
}

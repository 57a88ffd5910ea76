import type { Config } from "../config/options.ts";
import type { Lifecycle } from "../platform/lifecycle.ts";
import type { Logger } from "../platform/logger.ts";

/** What every step of the start works with. */
export interface Program {
  config: Config;
  logger: Logger;
  lifecycle: Lifecycle;
  /** Told of what fails in the background and is tried again. */
  onError: (error: unknown) => void;
}

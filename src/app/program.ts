import type { LiveConfig } from "../config/live-config.ts";
import type { Config } from "../config/options.ts";
import type { Lifecycle } from "../platform/lifecycle.ts";
import type { Logger } from "../platform/logger.ts";
import type { Tls } from "../platform/tls.ts";
import type { Tracing } from "../platform/tracing.ts";
import type { WorkerInfo } from "../transport/worker-processes.ts";

/** What every step of the start works with. */
export interface Program {
  /** The current options: hot ones change in place, so read them where they are used. */
  config: Config;
  /** What changes it. */
  live: LiveConfig;
  logger: Logger;
  lifecycle: Lifecycle;
  /** The certificate to show; null: no TLS of our own. */
  tls: Tls | null;
  /** Among the workers of a parent process; null when this process runs by itself. */
  worker: WorkerInfo | null;
  tracing: Tracing;
  /** Called with what fails in the background and is tried again. */
  onError: (error: unknown) => void;
}

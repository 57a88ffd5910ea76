import type { Config } from "../config/options.ts";
import type { Lifecycle } from "../platform/lifecycle.ts";
import type { Logger } from "../platform/logger.ts";
import { createTls, type Tls } from "../platform/tls.ts";

/** The certificate that HTTP and gRPC show; null without one. */
export async function startTls(config: Config, logger: Logger, lifecycle: Lifecycle): Promise<Tls | null> {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = config;
  if (certFile === null || keyFile === null) return null;
  return lifecycle.start(
    "tls",
    () => createTls({ certFile, keyFile }, logger),
    (part) => part.stop(),
  );
}

import type { Config } from "../config/options.ts";
import type { Passwords } from "../platform/password.ts";
import type { IdentityDeps } from "./deps.ts";
import type { SessionCache } from "./session-cache.ts";
import type { StoredRateLimiter } from "./stored-rate-limiter.ts";
import type { TokenRejectionLog } from "./token-rejection-log.ts";
import type { Tokens } from "./tokens.ts";

/** What the use cases of identity share: the dependencies, and what identity created once. */
export interface IdentityContext extends Omit<IdentityDeps, "clock" | "elapsed"> {
  now: () => number;
  /** Our public URL without a slash at the end: `iss` of our tokens, and prefix of the links in mails. */
  publicUrl: string;
  passwords: Passwords;
  rateLimiter: StoredRateLimiter;
  sessionCache: SessionCache;
  tokens: Tokens;
  tokenRejections: TokenRejectionLog;
  /** Resolves when the banned ranges that were committed on this node are in force here: see range-bans.ts. */
  whenRangeBansApplied: () => Promise<void>;
  /** Required for the first account from another machine: see setup-code.ts. */
  setupCode: () => Promise<string>;
}

/** PUBLIC_URL, or the URL for this machine's own browser; without a slash at the end. */
export function getPublicUrl(config: Pick<Config, "PUBLIC_URL" | "HTTP_PORT" | "TLS_CERT_FILE">): string {
  const scheme = config.TLS_CERT_FILE === null ? "http" : "https";
  return (config.PUBLIC_URL ?? `${scheme}://localhost:${config.HTTP_PORT}`).replace(/(?<!\/)\/+$/, "");
}

/** Where a request came from, for limits and the list of sessions. */
export interface ClientInfo {
  address: string;
  /** Whether that is this machine. */
  isLocal: boolean;
  userAgent: string | null;
  /** The session cookie that a sign-in will replace: its session ends when the new one starts. */
  cookie?: string | null;
}

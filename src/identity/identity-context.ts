import type { Config } from "../config/options.ts";
import type { Passwords } from "../platform/password.ts";
import type { IdentityDeps } from "./deps.ts";
import type { RateLimits } from "./rate-limits.ts";
import type { SessionCache } from "./session-cache.ts";
import type { TokenRejectionLog } from "./token-rejection-log.ts";
import type { Tokens } from "./tokens.ts";

/** What the use cases of identity share: the dependencies, and what identity created once. */
export interface IdentityContext extends Omit<IdentityDeps, "clock" | "elapsed"> {
  now: () => number;
  /** Our public URL without a slash at the end: `iss` of our tokens, and start of the links in mails. */
  publicUrl: string;
  passwords: Passwords;
  rateLimits: RateLimits;
  sessionCache: SessionCache;
  tokens: Tokens;
  tokenRejections: TokenRejectionLog;
  /** Resolves when the banned ranges that were committed on this node are in force here: see range-bans.ts. */
  whenRangeBansApplied: () => Promise<void>;
  /** What makes the first account from elsewhere: see setup-code.ts. */
  setupCode: () => Promise<string>;
}

/** PUBLIC_URL, or how this machine's own browser reaches us; without a slash at the end. */
export function getPublicUrl(config: Pick<Config, "PUBLIC_URL" | "HTTP_PORT" | "TLS_CERT_FILE">): string {
  const scheme = config.TLS_CERT_FILE === null ? "http" : "https";
  return (config.PUBLIC_URL ?? `${scheme}://localhost:${config.HTTP_PORT}`).replace(/(?<!\/)\/+$/, "");
}

/** Where a request came from, for limits and the list of sessions. */
export interface ClientInfo {
  address: string;
  /** Whether that is this very machine. */
  isLocal: boolean;
  userAgent: string | null;
  /** The session cookie that a sign-in is going to replace: its session ends with the beginning of the new one. */
  cookie?: string | null;
}

import type { Metadata } from "@grpc/grpc-js";
import { addressKey } from "../../platform/address.ts";
import type { ServiceCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { type GetHeader, isForwarded, isLoopbackHost } from "../../platform/http/loopback.ts";
import { type RateLimiter, rateLimitedError } from "../../platform/http/rate-limiter.ts";
import { createUnlimitedService, LOOPBACK } from "../../platform/scopes.ts";
import type { ServiceCallers } from "../../server-api/index.ts";

/** The caller of a call, and its address. */
export interface CallAuthenticator {
  /**
   * Whose service token is in the metadata. Throws `unauthenticated`, `rate_limited`, `banned`; tokens that are not known count for
   * their address.
   *
   * @param authority the name by which the caller called this server
   */
  authenticateService(metadata: Metadata, address: string, authority: string): Promise<ServiceCaller>;
  /** Counts a call without a token. Throws `rate_limited`, `banned`. */
  admitAnonymous(address: string): Promise<void>;
  /** The caller's network address, of the peer or from a trusted proxy, and whether it is on this machine. */
  getClient(peer: string, metadata: Metadata, authority: string): { address: string; isLocal: boolean };
}

export interface CallAuthenticatorDeps {
  callers: Pick<ServiceCallers, "authenticate" | "findCached">;
  /** Whether a client on this machine itself, without a token, may do everything: only on loopback, and without a GRPC_TOKEN. */
  trustsLoopback: boolean;
  /** The client's address behind trusted proxies: see request-info.ts of the HTTP server. */
  resolveClient(peer: string, header: GetHeader, host: string): { address: string; isLocal: boolean };
  /** Whether every call from this address is refused. */
  isBanned(address: string): boolean;
  /** Counts the calls of each token, and by `addressKey` those without a valid one: where their other requests count. */
  limiters: { token: RateLimiter; address: RateLimiter };
}

export function createCallAuthenticator({
  callers,
  trustsLoopback,
  resolveClient,
  isBanned,
  limiters,
}: CallAuthenticatorDeps): CallAuthenticator {
  const local = createUnlimitedService(LOOPBACK);
  function refuseBanned(address: string): void {
    if (isBanned(address)) throw new AppError("banned", "This address is banned.");
  }
  async function admitAnonymous(address: string): Promise<void> {
    refuseBanned(address);
    count(limiters.address, addressKey(address));
  }
  /** Counted before the token is checked, which may take a while, or guesses would use up all concurrent calls. */
  async function authenticateUncached(token: string, address: string): Promise<ServiceCaller> {
    await admitAnonymous(address);
    if (token === "") throw new AppError("unauthenticated", TOKEN_HELP);
    return callers.authenticate(token);
  }
  return {
    admitAnonymous,
    async authenticateService(metadata, address, authority) {
      refuseBanned(address);
      const [header] = metadata.get("authorization");
      if (header === undefined && trustsLoopback && isDirect(metadata, authority)) return local;
      const token = parseToken(header);
      const caller = callers.findCached(token) ?? (await authenticateUncached(token, address));
      count(limiters.token, caller.tokenId);
      return caller;
    },
    getClient(peer, metadata, authority) {
      const address = peer.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
      return resolveClient(address, createGetHeader(metadata), authority);
    },
  };
}

function count(limiter: RateLimiter, key: string): void {
  const { allowed, retryAfter } = limiter(key);
  if (!allowed) throw rateLimitedError(retryAfter);
}

/** Called on this machine by its own name. A proxy here names another host, or says for whom it calls: that is no client of this machine. */
function isDirect(metadata: Metadata, authority: string): boolean {
  return !isForwarded(createGetHeader(metadata)) && isLoopbackHost(authority);
}

function createGetHeader(metadata: Metadata): GetHeader {
  return (name) => {
    const values = metadata.get(name);
    return values.length === 0 ? null : values.join(",");
  };
}

const TOKEN_HELP = "Send your service's token as metadata: authorization: Bearer <token>.";

/** The token of `authorization: Bearer <token>`; empty when there is none. */
function parseToken(header: unknown): string {
  const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(String(header ?? "").trim()) ?? [];
  return token ?? "";
}

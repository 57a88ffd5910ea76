import type { Metadata } from "@grpc/grpc-js";
import type { ServiceCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { addressKey, createCounter, type RateLimit, tooMany } from "../../platform/http/rate-limit.ts";
import { unlimitedService } from "../../platform/scopes.ts";
import type { ServerApi } from "../../server-api/index.ts";

/** Who calls, and from where. */
export interface Door {
  /** Whose service token is in the metadata. Throws `unauthenticated`, `rate_limited`, `banned`; wrong tokens count for their address. */
  service(metadata: Metadata, address: string): Promise<ServiceCaller>;
  /** Counts a call of somebody without a token. Throws `rate_limited`, `banned`. */
  anybody(address: string): Promise<void>;
  /** The caller's network address: of the peer, or what a trusted proxy says. */
  address(peer: string, metadata: Metadata): string;
}

export interface DoorDeps {
  services: Pick<ServerApi, "authenticate" | "admit">;
  /** Whether who sends no token may do everything: only on loopback, and without a GRPC_TOKEN. */
  open: boolean;
  /** The asker behind trusted proxies: see facts.ts of the HTTP server. */
  behindProxies(peer: string, forwardedFor: string | null): string;
  /** Whether nothing from this address is to be answered. */
  isBanned(address: string): boolean;
  /** For calls without a good token, by address. */
  limit: RateLimit;
}

export function createDoor({ services, open, behindProxies, isBanned, limit }: DoorDeps): Door {
  const local = unlimitedService("loopback");
  const count = createCounter(limit);
  function refuseBanned(address: string): void {
    if (isBanned(address)) throw new AppError("banned", "This address is banned.");
  }
  async function anybody(address: string): Promise<void> {
    refuseBanned(address);
    const { allowed, wait } = await count(addressKey(address));
    if (!allowed) throw tooMany(wait);
  }
  return {
    anybody,
    async service(metadata, address) {
      refuseBanned(address);
      const [header] = metadata.get("authorization");
      if (header === undefined && open) return local;
      const caller = await services.authenticate(bearer(header)).catch(async (error: unknown) => {
        if (error instanceof AppError && error.code === "unauthenticated") await anybody(address);
        throw error;
      });
      await services.admit(caller);
      return caller;
    },
    address(peer, metadata) {
      const [forwarded] = metadata.get("x-forwarded-for");
      const address = peer.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
      return behindProxies(address, forwarded === undefined ? null : String(forwarded));
    },
  };
}

/** The token of `authorization: Bearer <token>`. */
function bearer(header: unknown): string {
  const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(String(header ?? "").trim()) ?? [];
  if (token !== undefined) return token;
  throw new AppError("unauthenticated", "Send your service's token as metadata: authorization: Bearer <token>.");
}

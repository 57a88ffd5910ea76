import type { Metadata } from "@grpc/grpc-js";
import type { ServiceCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { addressKey, type Counter, tooMany } from "../../platform/http/rate-limit.ts";
import { type Header, isForwarded, namesThisMachine } from "../../platform/http/this-machine.ts";
import { LOOPBACK, unlimitedService } from "../../platform/scopes.ts";
import type { ServerApi } from "../../server-api/index.ts";

/** Who calls, and from where. */
export interface Door {
  /**
   * Whose service token is in the metadata. Throws `unauthenticated`, `rate_limited`, `banned`; tokens that are not known count for
   * their address.
   *
   * @param authority the name by which the caller called this server
   */
  service(metadata: Metadata, address: string, authority: string): Promise<ServiceCaller>;
  /** Counts a call of somebody without a token. Throws `rate_limited`, `banned`. */
  anybody(address: string): Promise<void>;
  /** The caller's network address, of the peer or what a trusted proxy says, and whether it is on this machine. */
  asker(peer: string, metadata: Metadata, authority: string): { address: string; isLocal: boolean };
}

export interface DoorDeps {
  services: Pick<ServerApi, "authenticate" | "known" | "admit">;
  /** Whether who calls from this machine itself, without a token, may do everything: only on loopback, and without a GRPC_TOKEN. */
  open: boolean;
  /** Who asks behind trusted proxies: see facts.ts of the HTTP server. */
  behindProxies(peer: string, header: Header, host: string): { address: string; isLocal: boolean };
  /** Whether nothing from this address is to be answered. */
  isBanned(address: string): boolean;
  /** Counts calls without a good token, by `addressKey`: where the address's other requests count. */
  count: Counter;
}

export function createDoor({ services, open, behindProxies, isBanned, count }: DoorDeps): Door {
  const local = unlimitedService(LOOPBACK);
  function refuseBanned(address: string): void {
    if (isBanned(address)) throw new AppError("banned", "This address is banned.");
  }
  async function anybody(address: string): Promise<void> {
    refuseBanned(address);
    const { allowed, wait } = count(addressKey(address));
    if (!allowed) throw tooMany(wait);
  }
  /** Counted before the token is looked at, which may take a while: or guesses would hold the places of all calls. */
  async function stranger(token: string, address: string): Promise<ServiceCaller> {
    await anybody(address);
    if (token === "") throw new AppError("unauthenticated", HOW);
    return services.authenticate(token);
  }
  return {
    anybody,
    async service(metadata, address, authority) {
      refuseBanned(address);
      const [header] = metadata.get("authorization");
      if (header === undefined && open && isDirect(metadata, authority)) return local;
      const token = bearer(header);
      const caller = services.known(token) ?? (await stranger(token, address));
      await services.admit(caller);
      return caller;
    },
    asker(peer, metadata, authority) {
      const address = peer.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
      return behindProxies(address, headerOf(metadata), authority);
    },
  };
}

/** Called on this machine by its own name. A proxy here names another host, or says for whom it calls: that is nobody of this machine. */
function isDirect(metadata: Metadata, authority: string): boolean {
  return !isForwarded(headerOf(metadata)) && namesThisMachine(authority);
}

function headerOf(metadata: Metadata): Header {
  return (name) => {
    const values = metadata.get(name);
    return values.length === 0 ? null : values.join(",");
  };
}

const HOW = "Send your service's token as metadata: authorization: Bearer <token>.";

/** The token of `authorization: Bearer <token>`; empty when there is none. */
function bearer(header: unknown): string {
  const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(String(header ?? "").trim()) ?? [];
  return token ?? "";
}

import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { createAddressList } from "../../config/address-list.ts";

/** All addresses of a name, at least one; rejects when it has none. */
export type Resolve = (host: string) => Promise<{ address: string; family: number }[]>;

export const systemResolve: Resolve = (host) => lookup(host, { all: true });

/** Not for the public internet (IANA special-purpose registry), or not one host: private, loopback, link-local, carrier NAT, … */
const isSpecial = createAddressList([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  // IETF protocols with Teredo, documentation, 6to4. Tunnels lead to an IPv4 address that is not checked.
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
]);
/** Public IPv6 is here; all else (::1, mapped IPv4, NAT64, unique local, link-local, multicast) is not. */
const isGlobalIpv6 = createAddressList(["2000::/3"]);

/** Whether an address (no name) is one of the public internet. */
export function isPublic(address: string): boolean {
  return (isIP(address) === 4 || isGlobalIpv6(address)) && !isSpecial(address);
}

/** Thrown where a name leads to an address that is not public. */
export class NotPublicError extends Error {
  override readonly name = "NotPublicError";

  constructor(reason: string) {
    super(`${reason} WEBHOOKS_ALLOW_PRIVATE=true allows http and internal addresses.`);
  }
}

/** Throws NotPublicError when the host of a URL is such an address itself: it needs no look-up. */
export function refuseLiteral(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !isPublic(host)) throw new NotPublicError(`${host} is not a public address.`);
}

/** The addresses of a host; throws NotPublicError when one of them is not public, so that no DNS response leads to an internal address. */
export async function resolvePublic(host: string, resolve: Resolve): Promise<{ address: string; family: number }[]> {
  const found = await resolve(host);
  const nonPublic = found.find(({ address }) => !isPublic(address));
  if (nonPublic !== undefined)
    throw new NotPublicError(`${host} leads to ${nonPublic.address}, which is not a public address.`);
  return found;
}

/**
 * For `lookup` of a request: the connection goes to what it returns, and the name is resolved once. A name that is changed
 * between a check and the connection (DNS rebinding) gains nothing, because the check is of the address in use.
 */
export function checkedLookup(resolve: Resolve): LookupFunction {
  return (host, options, callback) => {
    resolvePublic(host, resolve).then(
      (found) => (options.all ? callback(null, found) : callback(null, found[0]!.address, found[0]!.family)),
      (error) => callback(error, []),
    );
  };
}

import { BlockList, isIP } from "node:net";
import { isLoopback } from "../../config/load.ts";
import type { Config } from "../../config/options.ts";
import type { RequestFacts } from "../../platform/http/api.ts";
import { type Header, isForwarded, namesThisMachine } from "../../platform/http/this-machine.ts";
import { LOCAL_VISITOR } from "./pages.ts";

/**
 * Finds out who is really asking. X-Forwarded-* is believed only from TRUSTED_PROXIES, and from our own page process
 * (`peer` null: it comes over a unix socket of ours). An X-Request-Id is taken over when it is a plain short word.
 *
 * @param config may change; each request is judged by what stands
 * @param byTls whether we speak TLS ourselves
 */
export function createFacts(
  config: Pick<Config, "TRUSTED_PROXIES">,
  byTls = false,
): (request: Request, peer: string | null) => RequestFacts {
  const isTrusted = trustIn(config);

  return (request, peer) => {
    const url = new URL(request.url);
    const header: Header = (name) => request.headers.get(name);
    const near = plain(peer ?? "127.0.0.1");
    const facts: RequestFacts = {
      address: near,
      requestId: requestId(header("x-request-id")),
      secure: peer !== null && byTls,
      host: header("host") ?? "",
      isLocal: false,
    };
    if (peer === null || isTrusted(near)) {
      facts.address = client(header("x-forwarded-for"), near, isTrusted);
      const scheme = last(header("x-forwarded-proto"));
      if (scheme !== null) facts.secure = scheme.toLowerCase() === "https";
      facts.host = last(header("x-forwarded-host")) ?? facts.host;
    }
    facts.isLocal = peer === null ? header(LOCAL_VISITOR) === "true" : isLocal(near, header, facts.host, isTrusted);
    // HTTP/1.0 asks by no name: nobody is local by one that we make up.
    facts.host ||= url.host;
    return facts;
  };
}

/** Who asks: address and `isLocal` of RequestFacts. */
export type Asker = Pick<RequestFacts, "address" | "isLocal">;

/** Who asks behind trusted proxies, for doors that have no Request. `host`: the name by which the server was called. */
export function createAsker(
  config: Pick<Config, "TRUSTED_PROXIES">,
): (peer: string, header: Header, host: string) => Asker {
  const isTrusted = trustIn(config);
  return (peer, header, host) => {
    const near = plain(peer);
    const address = isTrusted(near) ? client(header("x-forwarded-for"), near, isTrusted) : near;
    return { address, isLocal: isLocal(near, header, host, isTrusted) };
  };
}

/**
 * Whether the asker is on this machine and calls it by its own name (a page of another site that has its name lead here does not).
 * Through a proxy only when it is trusted, on this machine itself, and names nobody but this machine. `near`: the peer's address.
 */
function isLocal(near: string, header: Header, host: string, isTrusted: (address: string) => boolean): boolean {
  if (!isLoopback(near) || !namesThisMachine(host)) return false;
  const forwardedFor = header("x-forwarded-for");
  if (forwardedFor === null || !isTrusted(near)) return !isForwarded(header);
  return forwardedFor.split(",").every((hop) => isLoopback(plain(hop.trim())));
}

function trustIn(config: Pick<Config, "TRUSTED_PROXIES">): (address: string) => boolean {
  let trusted = config.TRUSTED_PROXIES;
  let proxies = addressList(trusted);
  return (address) => {
    if (trusted !== config.TRUSTED_PROXIES) {
      trusted = config.TRUSTED_PROXIES;
      proxies = addressList(trusted);
    }
    // The address of a client that has gone already is empty.
    return isIP(address) !== 0 && proxies.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  };
}

/** Addresses and ranges as the options name them. */
export function addressList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", bits] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** Walks X-Forwarded-For from the nearest hop outwards, past the proxies we trust; the first other address is the asker. */
function client(header: string | null, peer: string, isTrusted: (address: string) => boolean): string {
  let address = peer;
  for (const hop of (header ?? "").split(",").reverse()) {
    const next = plain(hop.trim());
    if (isIP(next) === 0) break;
    address = next;
    if (!isTrusted(next)) break;
  }
  return address;
}

/** `[::1]:99` and `1.2.3.4:99` are how some proxies write a hop. */
function plain(address: string): string {
  const bare = /^\[(.+)\](:\d+)?$/.exec(address)?.[1] ?? address.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
  return isIP(bare) === 6 ? plainV6(bare) : bare;
}

/** In the one way of writing that bans, limits and lists compare (RFC 5952), without a zone; `::ffff:…` is an address of IPv4. */
function plainV6(address: string): string {
  const [numbers = ""] = address.split("%");
  const usual = new URL(`http://[${numbers}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(usual) ?? [];
  if (high === undefined || low === undefined) return usual;
  const bits = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return bits.flatMap((half) => [half >> 8, half & 255]).join(".");
}

function requestId(sent: string | null): string {
  return sent !== null && /^[\w.:-]{1,64}$/.test(sent) ? sent : crypto.randomUUID();
}

function last(header: string | null): string | null {
  return header?.split(",").at(-1)?.trim() || null;
}

import { BlockList, isIP } from "node:net";
import type { Config } from "../../config/options.ts";
import type { RequestFacts } from "../../platform/http/api.ts";

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
    const facts: RequestFacts = {
      address: plain(peer ?? "127.0.0.1"),
      requestId: requestId(request.headers.get("x-request-id")),
      secure: peer !== null && byTls,
      host: request.headers.get("host") ?? url.host,
    };
    if (peer !== null && !isTrusted(facts.address)) return facts;
    facts.address = client(request.headers.get("x-forwarded-for"), facts.address, isTrusted);
    const scheme = last(request.headers.get("x-forwarded-proto"));
    if (scheme !== null) facts.secure = scheme.toLowerCase() === "https";
    facts.host = last(request.headers.get("x-forwarded-host")) ?? facts.host;
    return facts;
  };
}

/** The address of the asker behind trusted proxies, for doors that have no Request. `forwardedFor`: the header's text. */
export function createAsker(
  config: Pick<Config, "TRUSTED_PROXIES">,
): (peer: string, forwardedFor: string | null) => string {
  const isTrusted = trustIn(config);
  return (peer, forwardedFor) => {
    const address = plain(peer);
    return isTrusted(address) ? client(forwardedFor, address, isTrusted) : address;
  };
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

/** `::ffff:1.2.3.4` is 1.2.3.4 on a dual socket; `[::1]:99` and `1.2.3.4:99` are how some proxies write a hop. */
function plain(address: string): string {
  const bare = /^\[(.+)\](:\d+)?$/.exec(address)?.[1] ?? address.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
  return bare.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "");
}

function requestId(sent: string | null): string {
  return sent !== null && /^[\w.:-]{1,64}$/.test(sent) ? sent : crypto.randomUUID();
}

function last(header: string | null): string | null {
  return header?.split(",").at(-1)?.trim() || null;
}

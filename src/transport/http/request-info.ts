import { isIP } from "node:net";
import { createAddressList, isLoopback } from "../../config/address-list.ts";
import type { Config } from "../../config/options.ts";
import { normalizeAddress } from "../../platform/address.ts";
import type { RequestInfo } from "../../platform/http/api.ts";
import { type GetHeader, isForwarded, isLoopbackHost } from "../../platform/http/loopback.ts";
import { LOCAL_CLIENT_HEADER } from "./page-proxy.ts";

/**
 * Finds out the real client. X-Forwarded-* is trusted only from TRUSTED_PROXIES, and from our own page process
 * (`peer` null: it comes over a unix socket of ours). An X-Request-Id is used when it is plain and short.
 *
 * @param config may change; each request is judged by the current one
 * @param usesTls whether we speak TLS ourselves
 */
export function createGetRequestInfo(
  config: Pick<Config, "TRUSTED_PROXIES">,
  usesTls = false,
): (request: Request, peer: string | null) => RequestInfo {
  const isTrusted = createProxyCheck(config);

  return (request, peer) => {
    const url = new URL(request.url);
    const header: GetHeader = (name) => request.headers.get(name);
    const peerAddress = normalizeAddress(peer ?? "127.0.0.1");
    const info: RequestInfo = {
      address: peerAddress,
      requestId: chooseRequestId(header("x-request-id")),
      secure: peer !== null && usesTls,
      host: header("host") ?? "",
      isLocal: false,
    };
    if (peer === null || isTrusted(peerAddress)) {
      info.address = resolveClientAddress(header("x-forwarded-for"), peerAddress, isTrusted);
      const scheme = lastValue(header("x-forwarded-proto"));
      if (scheme !== null) info.secure = scheme.toLowerCase() === "https";
      info.host = lastValue(header("x-forwarded-host")) ?? info.host;
    }
    info.isLocal =
      peer === null ? header(LOCAL_CLIENT_HEADER) === "true" : isLocalClient(peerAddress, header, info.host, isTrusted);
    // HTTP/1.0 sends no Host: no client is local by one that we make up.
    info.host ||= url.host;
    return info;
  };
}

/** The client of a request: address and `isLocal` of RequestInfo. */
export type ClientAddress = Pick<RequestInfo, "address" | "isLocal">;

/** The client behind trusted proxies, for transports that have no Request. `host`: the name by which the server was called. */
export function createResolveClient(
  config: Pick<Config, "TRUSTED_PROXIES">,
): (peer: string, header: GetHeader, host: string) => ClientAddress {
  const isTrusted = createProxyCheck(config);
  return (peer, header, host) => {
    const peerAddress = normalizeAddress(peer);
    const address = isTrusted(peerAddress)
      ? resolveClientAddress(header("x-forwarded-for"), peerAddress, isTrusted)
      : peerAddress;
    return { address, isLocal: isLocalClient(peerAddress, header, host, isTrusted) };
  };
}

/**
 * Whether the client is on this machine and calls it by its own name (a page of another site that has its name lead here does not).
 * Through a proxy only when it is trusted, on this machine itself, and names only this machine. `near`: the peer's address.
 */
function isLocalClient(
  peerAddress: string,
  header: GetHeader,
  host: string,
  isTrusted: (address: string) => boolean,
): boolean {
  if (!isLoopback(peerAddress) || !isLoopbackHost(host)) return false;
  const forwardedFor = header("x-forwarded-for");
  if (forwardedFor === null || !isTrusted(peerAddress)) return !isForwarded(header);
  return forwardedFor.split(",").every((hop) => isLoopback(readHop(hop)));
}

function createProxyCheck(config: Pick<Config, "TRUSTED_PROXIES">): (address: string) => boolean {
  let trusted = config.TRUSTED_PROXIES;
  let proxies = createAddressList(trusted);
  return (address) => {
    if (trusted !== config.TRUSTED_PROXIES) {
      trusted = config.TRUSTED_PROXIES;
      proxies = createAddressList(trusted);
    }
    return proxies(address);
  };
}

/** Walks X-Forwarded-For from the nearest hop outwards, past the proxies we trust; the first other address is the client. */
function resolveClientAddress(header: string | null, peer: string, isTrusted: (address: string) => boolean): string {
  let address = peer;
  for (const hop of (header ?? "").split(",").reverse()) {
    const next = readHop(hop);
    if (isIP(next) === 0) break;
    address = next;
    if (!isTrusted(next)) break;
  }
  return address;
}

/** The address of a hop. Some proxies write `[::1]:99` and `1.2.3.4:99`. */
function readHop(hop: string): string {
  const [, inBrackets, beforePort] = /^(?:\[(.+)\](?::\d+)?|([\d.]+):\d+)$/.exec(hop.trim()) ?? [];
  return normalizeAddress(inBrackets ?? beforePort ?? hop.trim());
}

function chooseRequestId(sent: string | null): string {
  return sent !== null && /^[\w.:-]{1,64}$/.test(sent) ? sent : crypto.randomUUID();
}

function lastValue(header: string | null): string | null {
  return header?.split(",").at(-1)?.trim() || null;
}

/** A token without the blanks and line ends around it, as read from a file; null for none. */
export function trimToken(token: string | null | undefined): string | null {
  return token?.trim() || null;
}

/** What RFC 9110 §5.6.2 allows in a subprotocol. */
const SUBPROTOCOL = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * How a socket sends a token: as a subprotocol, because addresses are in the logs of proxies; one that cannot be a subprotocol
 * (it has `/` or `=`) in the address (SPEC CN-1).
 *
 * @param url of the socket, without a query
 */
export function socketAddress(url: string, token: string | null): { url: string; protocols: string[] } {
  if (token === null) return { url, protocols: [] };
  if (SUBPROTOCOL.test(token)) return { url, protocols: [`bearer.${token}`] };
  return { url: `${url}?token=${encodeURIComponent(token)}`, protocols: [] };
}

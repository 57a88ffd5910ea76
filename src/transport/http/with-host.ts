/**
 * A request whose URL is whole: HTTP/1.0 needs no Host (some load balancers send none). Null when the Host is not one, or there are
 * two: the runtime takes the first one, a proxy before us may have taken the other.
 */
export function withHost(request: Request): Request | null {
  const host = request.headers.get("host");
  if (host?.includes(",")) return null;
  if (URL.canParse(request.url)) return request;
  if (host !== null) return null;
  const url = `http://localhost${request.url}`;
  return URL.canParse(url) ? new Request(url, request) : null;
}

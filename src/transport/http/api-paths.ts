const API_PATHS = /^\/(api|v1|health|ready|proto|\.well-known)(\/|$)/;
/** The first clients' paths as they were printed, without `/api`. Our pages have other names. */
const DIALECT_PATHS = /^\/(channel|channel\/join|user\/channel|message|reply)$/;
/** Both a page and a printed path: a page's form is never JSON. */
const SHARED_PATHS = /^\/(register|login)$/;

/** Whether a request is for the API; all others are for the pages. */
export function isForApi({ method, url, headers }: Request): boolean {
  const { pathname } = new URL(url);
  if (API_PATHS.test(pathname) || DIALECT_PATHS.test(pathname)) return true;
  return (
    SHARED_PATHS.test(pathname) && method === "POST" && /^application\/json\b/i.test(headers.get("content-type") ?? "")
  );
}

/** Whether a load balancer asks there how this node is. */
export function isProbe(pathname: string): boolean {
  return pathname === "/health" || pathname === "/ready";
}

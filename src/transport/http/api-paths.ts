const OURS = /^\/(api|v1|health|ready|proto|\.well-known)(\/|$)/;
/** The first clients' paths as they were printed, without `/api`. Our pages have other names. */
const PRINTED = /^\/(channel|channel\/join|user\/channel|message|reply)$/;
/** Both a page and a printed path: a page's form is never JSON. */
const SHARED = /^\/(register|login)$/;

/** Whether a request is for the API; all others are for the pages. */
export function isForApi({ method, url, headers }: Request): boolean {
  const { pathname } = new URL(url);
  if (OURS.test(pathname) || PRINTED.test(pathname)) return true;
  return SHARED.test(pathname) && method === "POST" && /^application\/json\b/i.test(headers.get("content-type") ?? "");
}

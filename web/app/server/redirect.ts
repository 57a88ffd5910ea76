import { redirect as redirectWithoutCheck } from "react-router";

/** Any base works: it is only compared with the result. */
const BASE = "http://here";

/**
 * A path of this site, as browsers resolve it; the front page instead of anything that leads elsewhere. It is checked after resolving
 * (dots and encoded dots removed, backslashes turned), since two slashes at its beginning name another site.
 */
export function safePath(to: string | null): string {
  if (!to?.startsWith("/")) return "/";
  const url = URL.parse(to, BASE);
  if (url?.origin !== BASE || url.pathname.startsWith("//")) return "/";
  return url.pathname + url.search + url.hash;
}

/** Sends the visitor to another page of this site. */
export function redirect(to: string, init?: ResponseInit): Response {
  return redirectWithoutCheck(safePath(to), init);
}

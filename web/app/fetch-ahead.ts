declare global {
  interface Window {
    /** The router's own list of what each page is made of, as its server put it into the page. */
    __reactRouterManifest?: Manifest;
  }
}

interface Manifest {
  routes: Record<string, { module: string; imports?: string[]; css?: string[] } | undefined>;
}

/**
 * Fetches the programs of the pages behind the door when nothing else is to be done. A page whose program is not here cannot be
 * opened while the server is away: the router then loads the whole document anew, and the browser shows an error of its own.
 */
export function fetchPagesAhead(manifest: Manifest | undefined): void {
  const files = new Map<string, Partial<HTMLLinkElement>>();
  for (const [id, route] of Object.entries(manifest?.routes ?? {})) {
    if (!route || id.startsWith("routes/admin")) continue;
    for (const href of [route.module, ...(route.imports ?? [])]) files.set(href, { rel: "modulepreload" });
    for (const href of route.css ?? []) files.set(href, { rel: "prefetch", as: "style" });
  }
  for (const [href, link] of files) document.head.append(Object.assign(document.createElement("link"), link, { href }));
}

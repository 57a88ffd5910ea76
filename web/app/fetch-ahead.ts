declare global {
  interface Window {
    /** The router's manifest of the modules of each route, as its server put it into the page. */
    __reactRouterManifest?: Manifest;
  }
}

interface Manifest {
  routes: Record<string, { module: string; imports?: string[]; css?: string[] } | undefined>;
}

/**
 * Prefetches the modules of the signed-in pages when the browser is idle. A page whose module is not loaded cannot be opened while
 * the server is unreachable: the router then loads the whole document again, and the browser shows its own error.
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

import { renderToReadableStream } from "react-dom/server";
import { type EntryContext, isRouteErrorResponse, ServerRouter } from "react-router";
import { logRefused } from "./server/log-refused.ts";
import { NonceContext } from "./ui/nonce.ts";

const RENDER_LIMIT_MS = 10_000;

/** Renders a page to HTML, with the headers that depend on the page. */
export default async function handleRequest(request: Request, status: number, headers: Headers, context: EntryContext) {
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64");
  headers.set("content-type", "text/html; charset=utf-8");
  headers.set("content-security-policy", contentSecurityPolicy(nonce));
  // "same-origin", not "no-referrer": the latter makes browsers send `Origin: null` with plain form posts.
  headers.set("referrer-policy", "same-origin");
  headers.set("cache-control", "no-store");
  if (request.method === "HEAD") return new Response(null, { status, headers });

  let failed = false;
  const body = await renderToReadableStream(
    <NonceContext value={nonce}>
      <ServerRouter context={context} url={request.url} nonce={nonce} />
    </NonceContext>,
    {
      nonce,
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(RENDER_LIMIT_MS)]),
      onError(error) {
        failed = true;
        if (!request.signal.aborted) console.error(error);
      },
    },
  );
  // No page defers data, so waiting costs nothing and an error can still set the status.
  await body.allReady;
  return new Response(body, { status: failed ? 500 : status, headers });
}

/** Logs what a loader or an action threw. */
export function handleError(error: unknown, { request }: { request: Request }): void {
  if (request.signal.aborted) return;
  if (isRouteErrorResponse(error) && error.status < 500) logRefused(error.status, request);
  else console.error(error);
}

/** Scripts and style sheets come from this server or have the nonce. Style attributes are allowed: rendered sizes and colours need them. */
function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; ");
}

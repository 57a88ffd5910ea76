import { join } from "node:path";

/**
 * The process that renders the pages. It listens on the unix socket WEB_SOCKET (or on WEB_PORT, for working on the pages alone),
 * receives requests through Usher's own server, and reads everything it shows from the API at USHER_API.
 */

const files = join(import.meta.dir, "build/client");
const { handle } = (await import(join(import.meta.dir, "build/server/index.js"))) as {
  handle: (request: Request) => Promise<Response>;
};

const encodings = [
  { name: "br", ending: ".br" },
  { name: "gzip", ending: ".gz" },
] as const;

const server = Bun.serve({
  ...(process.env.WEB_SOCKET
    ? { unix: process.env.WEB_SOCKET }
    : { port: Number(process.env.WEB_PORT ?? 3004), hostname: "127.0.0.1" }),
  async fetch(request) {
    if (!isReadable(request)) return new Response("There is no such page.", { status: 404 });
    if (request.method === "GET" || request.method === "HEAD") {
      const file = await staticFile(request);
      if (file) return file;
    }
    return compress(request, await handle(withPublicOrigin(request)));
  },
  error(error) {
    console.error(error);
    return new Response("The page could not be rendered. Try again in a moment.", { status: 500 });
  },
});

process.once("SIGTERM", () => void server.stop().then(() => process.exit(0)));
// Ctrl+C reaches all processes of a terminal: Usher ends this one after its own drain.
process.on("SIGINT", () => process.env.WEB_SOCKET || process.exit(0));

/** Whether the path can be decoded. The router would log one that cannot be, with the token of a link in it. */
function isReadable(request: Request): boolean {
  try {
    decodeURIComponent(new URL(request.url).pathname);
    return true;
  } catch {
    return false;
  }
}

/** A built file, compressed at build time where the browser takes it. Names under /assets/ carry a hash of their content. */
async function staticFile(request: Request): Promise<Response | null> {
  const { pathname } = new URL(request.url);
  if (!/^\/(assets\/)?[\w.-]+\.[a-z0-9]+$/.test(pathname) || pathname.endsWith(".data")) return null;
  const path = join(files, pathname);
  const file = Bun.file(path);
  if (!(await file.exists())) return null;
  const headers = new Headers({
    "content-type": file.type,
    "cache-control": pathname.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "public, max-age=3600",
    vary: "accept-encoding",
  });
  const accepted = request.headers.get("accept-encoding") ?? "";
  for (const { name, ending } of encodings) {
    const smaller = Bun.file(path + ending);
    if (!accepted.includes(name) || !(await smaller.exists())) continue;
    headers.set("content-encoding", name);
    return new Response(smaller, { headers });
  }
  return new Response(file, { headers });
}

/** The request under the origin in the visitor's address bar: React Router compares it with the `Origin` of a post. */
function withPublicOrigin(request: Request): Request {
  const url = new URL(request.url);
  const proto = request.headers.get("x-forwarded-proto");
  const host = request.headers.get("x-forwarded-host") ?? request.headers.get("host");
  if (proto === "http" || proto === "https") url.protocol = proto;
  if (host) url.host = host;
  return new Request(url, request);
}

function compress(request: Request, response: Response): Response {
  const type = response.headers.get("content-type") ?? "";
  const wanted = request.headers.get("accept-encoding")?.includes("gzip") && /^text\/(html|x-script)/.test(type);
  if (!response.body || !wanted) return response;
  const headers = new Headers(response.headers);
  headers.set("content-encoding", "gzip");
  headers.append("vary", "accept-encoding");
  headers.delete("content-length");
  return new Response(response.body.pipeThrough(new CompressionStream("gzip")), { status: response.status, headers });
}

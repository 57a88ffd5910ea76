import { AppError } from "../../platform/errors.ts";
import type { RequestInfo } from "../../platform/http/api.ts";
import { MAX_FORM, readBody } from "../../platform/http/read-body.ts";
import type { Logger } from "../../platform/logger.ts";

/** Headers that belong to one hop (RFC 9110 §7.6.1), and those that only we may send to the page process. */
const HOP_BY_HOP_HEADERS = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
const FORWARDED_HEADERS = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
/** Tells the page process, and from it the API on its unix socket, that the visitor is on this machine. From no other client is it trusted. */
export const LOCAL_CLIENT_HEADER = "x-usher-local";

/** No client gets this response; it is for the log and the metrics. nginx uses the same code. */
const CLIENT_CLOSED_REQUEST = 499;

export interface PageProxyOptions {
  /** Unix socket that the page process listens on. */
  socket: string;
  /** ms for a request's body to arrive, and for the page process to begin its response. */
  readTimeout: number;
  writeTimeout: number;
  /** Whether a page of this origin may post to us, given the host that was asked for. */
  isOwnOrigin: (origin: string, host: string) => boolean;
  /** Gets a line for each refusal because of the request. Left out: it is not logged. */
  logger?: Logger;
}

/** What browsers send forms as (HTML, form-data set encoding). */
const FORM_TYPES = ["application/x-www-form-urlencoded", "multipart/form-data"];

/** Passes a request on to the page process and its response back, unread. */
export type PageProxy = (request: Request, info: RequestInfo) => Promise<Response>;

export function createPageProxy(options: PageProxyOptions): PageProxy {
  return async (request, info) => {
    const isPost = request.method !== "GET" && request.method !== "HEAD";
    const refuse = (status: number, text: string) => {
      options.logger?.info({ status, method: request.method }, "a request to a page was refused");
      return textResponse(status, text);
    };
    if (isPost && !isFromOwnPages(request, info, options)) return refuse(403, "This form was sent from another site.");
    if (isPost && !isForm(request)) return refuse(415, FORMS_ONLY);
    let body: Uint8Array<ArrayBuffer> | undefined;
    try {
      if (isPost) body = await readBody(request, MAX_FORM, options.readTimeout);
      if (body !== undefined && countFields(request, body) > MAX_FIELDS) return refuse(413, TOO_MANY_FIELDS);
    } catch (error) {
      if (error instanceof AppError) return refuse(error.status, error.message);
      throw error;
    }
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), options.writeTimeout);
    try {
      return forwardResponse(
        await forwardRequest(request, info, options.socket, body, AbortSignal.any([request.signal, late.signal])),
      );
    } catch {
      // A visitor who goes on to another page aborts what the last one was loading: that is no error of ours.
      if (request.signal.aborted) return textResponse(CLIENT_CLOSED_REQUEST, "The visitor has gone on.");
      // The page process is starting, has died, or hangs. Its supervisor logs which; the visitor's page tries again.
      return textResponse(503, "The pages are starting. This one loads again by itself in a moment.", {
        refresh: "2",
        "retry-after": "2",
      });
    } finally {
      clearTimeout(timer);
    }
  };
}

const FORMS_ONLY =
  "This is the path of a page, which takes forms only. Programs use the API: /api/v1, described at /api/docs.";

/** Our pages' largest forms have a box for each of some dozens of choices. One page process serves all visitors. */
const MAX_FIELDS = 1_000;

const TOO_MANY_FIELDS = `This form may have at most ${MAX_FIELDS} fields.`;

/** Of a form as our pages send it; as multipart/form-data so many do not fit into MAX_FORM that they would take long. */
function countFields(request: Request, body: Uint8Array): number {
  if (!request.headers.get("content-type")?.trim().toLowerCase().startsWith(FORM_TYPES[0]!)) return 1;
  return body.reduce((fields, byte) => (byte === AMPERSAND ? fields + 1 : fields), 1);
}

const AMPERSAND = 0x26;

/** Only forms, or nothing at all, are for pages. */
function isForm(request: Request): boolean {
  const type = request.headers.get("content-type");
  if (type === null) return request.body === null;
  return FORM_TYPES.includes(type.split(";", 1)[0]!.trim().toLowerCase());
}

function forwardRequest(
  request: Request,
  info: RequestInfo,
  socket: string,
  body: Uint8Array<ArrayBuffer> | undefined,
  signal: AbortSignal,
) {
  const headers = new Headers(request.headers);
  for (const name of (headers.get("connection") ?? "").split(","))
    if (/^[\w-]+$/.test(name.trim())) headers.delete(name.trim());
  for (const name of [...HOP_BY_HOP_HEADERS, ...FORWARDED_HEADERS, LOCAL_CLIENT_HEADER, "content-length"])
    headers.delete(name);
  headers.set("x-forwarded-for", info.address);
  headers.set("x-forwarded-host", info.host);
  headers.set("x-forwarded-proto", info.secure ? "https" : "http");
  headers.set("x-request-id", info.requestId);
  if (info.isLocal) headers.set(LOCAL_CLIENT_HEADER, "true");
  const { pathname, search } = new URL(request.url);
  return fetch(`http://pages${pathname}${search}`, {
    method: request.method,
    headers,
    body,
    signal,
    unix: socket,
    redirect: "manual",
    // The pages come compressed already; they are passed back as they are.
    decompress: false,
  });
}

function forwardResponse(response: Response): Response {
  const headers = new Headers(response.headers);
  for (const name of HOP_BY_HOP_HEADERS) headers.delete(name);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** A form post from another site could act in a visitor's name: its cookie comes along. */
function isFromOwnPages(request: Request, info: RequestInfo, { isOwnOrigin }: PageProxyOptions): boolean {
  const origin = request.headers.get("origin");
  if (origin !== null) return isOwnOrigin(origin, info.host);
  const site = request.headers.get("sec-fetch-site");
  return site === "same-origin" || site === "none" || (site === null && !request.headers.has("cookie"));
}

/** A response of ours instead of a page. */
export function textResponse(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", ...headers },
  });
}

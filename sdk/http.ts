import { type FieldError, UsherError } from "./errors.ts";
import { trimToken } from "./token.ts";

/** How REST calls reach the server. */
export interface HttpOptions {
  /** Origin of the server, such as `https://chat.example.org`. Empty in a browser: the page's own origin. */
  url: string;
  /** Bearer token for each request; null or left out when a session cookie identifies the caller. */
  getToken?: () => Promise<string | null> | string | null;
  /** Sent with each request: on a page server, the visitor's `Cookie`. */
  headers?: Readonly<Record<string, string>>;
  fetch?: typeof fetch;
  /** Called with every response before it is read: a page server passes its `Set-Cookie` on from here. */
  onResponse?: (response: Response) => void;
  /** ms until a request without a response counts as failed. */
  timeout?: number;
}

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  /** Makes a creating request safe to repeat: the server returns the first response again. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** In a browser: the request continues when its page is closed. Its body may have at most 64 KiB. */
  keepalive?: boolean;
}

export type Request = <T>(method: string, path: string, options?: RequestOptions) => Promise<T>;

const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Creates the function that sends all REST calls. It returns the JSON body (undefined for an empty one)
 * and throws UsherError for problem+json, for any other failure status, and when the server is not reached.
 */
export function createRequest(options: HttpOptions): Request {
  const call = options.fetch ?? globalThis.fetch;
  return async function request<T>(
    method: string,
    path: string,
    { query, body, idempotencyKey, signal, keepalive }: RequestOptions = {},
  ) {
    const headers: Record<string, string> = { ...options.headers, accept: "application/json" };
    const token = trimToken(await options.getToken?.());
    if (token) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
    const limit = AbortSignal.timeout(options.timeout ?? DEFAULT_TIMEOUT_MS);
    let response: Response;
    try {
      response = await call(`${options.url}/api/v1${path}${buildQuery(query)}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "include",
        keepalive,
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      const code = limit.aborted ? "timeout" : "network";
      const message = limit.aborted ? "The server did not respond in time." : "The server could not be reached.";
      throw new UsherError(code, message, { retry: true, cause });
    }
    options.onResponse?.(response);
    if (!response.ok) throw await toError(response);
    const responseText = await response.text();
    return (responseText === "" ? undefined : parse(responseText, response.status)) as T;
  };
}

/** Names as one value of a query, which the server splits at the commas; commas within a name are written `%2C`. */
export function joinNames(names: readonly string[]): string {
  return names.map((name) => name.replace(/[%,]/g, encodeURIComponent)).join(",");
}

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsherError(
      "unavailable",
      "A proxy between here and the server returned a response that is not the server's.",
      {
        retry: true,
        status,
        cause,
      },
    );
  }
}

function buildQuery(query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) params.set(name, String(value));
  }
  const text = params.toString();
  return text && `?${text}`;
}

/** Reads RFC 9457 problem+json; any other response (a proxy's page) becomes `unavailable` or `internal` by its status. */
async function toError(response: Response): Promise<UsherError> {
  const { status } = response;
  const body = await readJson(response);
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new UsherError(
    (asString(body.code) ?? (status >= 502 && status <= 504 ? "unavailable" : "internal")) as UsherError["code"],
    asString(body.detail) ?? asString(body.title) ?? `The server returned status ${status}.`,
    {
      retry: typeof body.retry === "boolean" ? body.retry : status >= 500 || status === 429,
      status,
      errors: Array.isArray(body.errors) ? (body.errors as FieldError[]) : [],
      retryAfter: Number.isFinite(retryAfter) ? retryAfter : null,
    },
  );
}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function asString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

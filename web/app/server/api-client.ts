import { UsherError } from "../../../sdk/errors.ts";
import type { HttpOptions } from "../../../sdk/http.ts";
import { createRest, type Rest } from "../../../sdk/rest.ts";
import { redirect } from "./redirect.ts";

/** Where the REST API is: over a unix socket of its own, where it trusts our headers about the visitor, else over TCP. */
const API_URL = process.env.USHER_API ?? "http://127.0.0.1:3003";
const API_SOCKET = process.env.USHER_API_SOCKET;
const socketFetch = ((input: string, init?: RequestInit) =>
  fetch(input, { ...init, unix: API_SOCKET })) as typeof fetch;

/** Headers about the visitor that the API needs: who they are, their address, and the request id. */
const FORWARDED_HEADERS = [
  "cookie",
  "user-agent",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-request-id",
  "x-usher-local",
];

export interface ApiClient {
  rest: Rest;
  /** The API's `Set-Cookie`s so far, to be sent on to the browser. */
  cookies: Headers;
}

/** The API in the name of the visitor who sent this request. */
export function createApiClient(request: Request): ApiClient {
  const cookies = new Headers();
  // React Router has checked the origin of posts before an action runs; the API sees the same one.
  const headers: Record<string, string> = { origin: request.headers.get("origin") ?? new URL(request.url).origin };
  for (const name of FORWARDED_HEADERS) {
    const value = request.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  const options: HttpOptions = {
    url: API_URL,
    ...(API_SOCKET ? { fetch: socketFetch } : {}),
    headers,
    timeout: 10_000,
    onResponse(response) {
      for (const cookie of response.headers.getSetCookie()) cookies.append("set-cookie", cookie);
    },
  };
  return { rest: createRest(options), cookies };
}

/** Runs a loader's reads: a visitor who is not signed in goes to the sign-in page, other errors become an error page. */
export async function load<T>(request: Request, read: (api: ApiClient) => Promise<T>): Promise<T> {
  try {
    return await read(createApiClient(request));
  } catch (error) {
    if (!(error instanceof UsherError)) throw error;
    if (error.code === "unauthenticated") throw redirect(`/login?to=${encodeURIComponent(getPath(request))}`);
    throw Response.json({ code: error.code, message: error.message }, { status: error.status ?? 503 });
  }
}

function getPath(request: Request): string {
  const { pathname, search } = new URL(request.url);
  return pathname + search;
}

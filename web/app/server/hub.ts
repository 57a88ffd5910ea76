import { UsherError } from "../../../sdk/errors.ts";
import type { HttpOptions } from "../../../sdk/http.ts";
import { createRest, type Rest } from "../../../sdk/rest.ts";
import { redirect } from "./redirect.ts";

/** Where the hub's REST API is: over a unix socket of its own, where it believes us who the visitor is, else over TCP. */
const HUB = process.env.USHER_API ?? "http://127.0.0.1:3003";
const SOCKET = process.env.USHER_API_SOCKET;
const throughSocket = ((input: string, init?: RequestInit) => fetch(input, { ...init, unix: SOCKET })) as typeof fetch;

/** What the hub must know of the visitor himself: who he is, from where, and under which request id. */
const PASSED_ON = [
  "cookie",
  "user-agent",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-request-id",
  "x-usher-local",
];

export interface Hub {
  rest: Rest;
  /** The hub's `Set-Cookie`s so far, to be sent on to the browser. */
  cookies: Headers;
}

/** The hub in the name of the visitor who sent this request. */
export function hubFor(request: Request): Hub {
  const cookies = new Headers();
  // React Router has checked the origin of posts before an action runs; the hub sees the same one.
  const headers: Record<string, string> = { origin: request.headers.get("origin") ?? new URL(request.url).origin };
  for (const name of PASSED_ON) {
    const value = request.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  const options: HttpOptions = {
    url: HUB,
    ...(SOCKET ? { fetch: throughSocket } : {}),
    headers,
    timeout: 10_000,
    onResponse(response) {
      for (const cookie of response.headers.getSetCookie()) cookies.append("set-cookie", cookie);
    },
  };
  return { rest: createRest(options), cookies };
}

/** Runs a loader's reads: who is not signed in goes to the sign-in page, what is not there becomes the page that says so. */
export async function load<T>(request: Request, read: (hub: Hub) => Promise<T>): Promise<T> {
  try {
    return await read(hubFor(request));
  } catch (error) {
    if (!(error instanceof UsherError)) throw error;
    if (error.code === "unauthenticated") throw redirect(`/login?to=${encodeURIComponent(pathOf(request))}`);
    throw Response.json({ code: error.code, message: error.message }, { status: error.status ?? 503 });
  }
}

function pathOf(request: Request): string {
  const { pathname, search } = new URL(request.url);
  return pathname + search;
}

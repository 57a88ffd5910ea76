import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler, Next } from "hono";
import type { Caller } from "../caller.ts";
import type { Attempt } from "../idempotency-keys.ts";

/** What every handler may read from its context with `c.get(name)`. */
export interface ApiVariables {
  /** The caller. On a route whose `auth` is not `public` it is not anonymous: the type says so too. */
  caller: Caller;
  /** The client's network address, already corrected for trusted proxies. */
  address: string;
  /** Goes into logs, problem documents and the `X-Request-Id` header. */
  requestId: string;
  /** Whether the client came over https (directly or to a trusted proxy): cookies then get `Secure`. */
  secure: boolean;
  /** The host the client named, corrected for trusted proxies: `chat.example.org`, `localhost:3003`. */
  host: string;
  /** Whether the client is on this very machine: see RequestInfo. */
  isLocal: boolean;
  /** Why the credentials that were sent are not valid; a route that needs a person returns it. */
  refusal: Error | null;
  /** Which run of an Idempotency-Key's request this is; undefined without a key. */
  attempt: Attempt | undefined;
  /** The text of the body, for handlers that pass a part of it on as it was written. Empty before `receive`. */
  bodyText: string;
  /** Reads the body and stores the first response for an Idempotency-Key. Installed by `createApi`, run by every route. */
  receive: Receive;
}

/** What the server knows of a request before it is read; handed to `api.fetch(request, info)`. */
export interface RequestInfo {
  address: string;
  requestId: string;
  secure: boolean;
  host: string;
  /** Whether the client is on this very machine, and not behind a proxy that hides another client. False in doubt. */
  isLocal: boolean;
  /** Sets for how many seconds nothing may go over the connection before it is cut; 0: for ever. An ordinary response does not need it. */
  setIdleTimeout?: (seconds: number) => void;
}

/** @param mayBeEmpty no body is then the same as `{}` */
export type Receive = (c: Context<ApiEnv>, next: Next, mayBeEmpty?: boolean) => ReturnType<MiddlewareHandler>;

export interface ApiEnv {
  Bindings: RequestInfo | undefined;
  Variables: ApiVariables;
}

/** Where modules register their routes: `api.openapi(route({…}), async (c) => c.json(result, 200))`. */
export type Api = OpenAPIHono<ApiEnv>;

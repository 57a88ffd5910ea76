import { createRoute } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import { CODES, type Code } from "../../../protocol/codes.ts";
import type { ServiceCaller, UserCaller } from "../caller.ts";
import { AppError } from "../errors.ts";
import type { ApiEnv } from "./api.ts";
import { type Auth, authorize } from "./authorize.ts";
import { PROBLEM_TYPE, Problem } from "./problem.ts";
import { strict } from "./strict.ts";

interface ResponseSpec {
  description: string;
  /** What the JSON body is; left out for a response without a body. */
  schema?: z.ZodType;
  /** Of the body, where it is not JSON; `schema` then describes its text. */
  contentType?: string;
  /** Headers that this response carries, with a sentence each. */
  headers?: Record<string, string>;
}

interface RouteSpec {
  method: "get" | "post" | "put" | "patch" | "delete";
  /** From the root, parameters in braces: `/api/v1/channels/{channel_id}`. */
  path: `/${string}`;
  summary: string;
  tag: string;
  auth: Auth;
  /**
   * Each an object schema. Unknown fields of `body` are refused, and of the `query` of what changes something; those of a read are
   * ignored, since clients and proxies add harmless ones. Nested objects must be `z.strictObject`.
   */
  request?: { params?: z.ZodObject; query?: z.ZodObject; body?: z.ZodType };
  /** The successful responses by status. Errors are thrown as AppError and named in `errors`. */
  responses: Record<number, ResponseSpec>;
  /** The route takes `If-Match` (see etag.ts): the header and `changed` come into the document; the handler passes it on. */
  ifMatch?: true;
  /** The codes of this route; the common ones are added. */
  errors?: readonly Code[];
}

type RouteBody<S extends z.ZodType> = { content: { "application/json": { schema: S } }; required: true };

type RouteRequest<R> = R extends { request: infer Q }
  ? {
      -readonly [K in keyof Q]: K extends "body"
        ? Q[K] extends z.ZodType
          ? RouteBody<Q[K]>
          : never
        : Q[K] extends z.ZodObject
          ? Q[K]
          : never;
    }
  : Record<never, never>;

type RouteResponses<R extends RouteSpec> = {
  -readonly [K in keyof R["responses"]]: R["responses"][K] extends { schema: infer S extends z.ZodType }
    ? { description: string; content: { "application/json": { schema: S } } }
    : { description: string };
};

type RouteMiddleware<R extends RouteSpec> = R["auth"] extends "public"
  ? MiddlewareHandler<ApiEnv>
  : MiddlewareHandler<{ Variables: { caller: RouteCaller<R["auth"]> } }>;

type RouteCaller<A extends Auth> = A extends { orUser: true }
  ? UserCaller | ServiceCaller
  : A extends { scope: string }
    ? ServiceCaller
    : UserCaller;

// A type alias, not an interface: the library asks for an implicit index signature.
type RouteDefinition<R extends RouteSpec> = {
  method: R["method"];
  path: R["path"];
  summary: string;
  tags: string[];
  security: Record<string, string[]>[];
  request: RouteRequest<R>;
  responses: RouteResponses<R>;
  middleware: RouteMiddleware<R>;
};

/**
 * Describes one operation of the API, for `api.openapi(route, handler)`: who may call it, what goes in, what comes out.
 * The handler gets checked values only: `c.req.valid("param" | "query" | "json")`, and `c.get("caller")`.
 */
export function route<const R extends RouteSpec>(spec: R): RouteDefinition<R> & { getRoutingPath(): string } {
  const name = `${spec.method.toUpperCase()} ${spec.path}`;
  const { params, query, body } = spec.request ?? {};
  const config = {
    method: spec.method,
    path: spec.path,
    summary: spec.summary,
    tags: [spec.tag],
    operationId: createOperationId(spec.method, spec.path),
    security: describeSecurity(spec.auth),
    request: {
      ...(params && { params }),
      ...(query && { query: toQuerySchema(spec.method, query, `${name}: query`) }),
      ...(body && {
        body: {
          content: { "application/json": { schema: strict(body, `${name}: body`) } },
          required: !canBeEmpty(body),
        },
      }),
      ...(spec.method === "post" && { headers: IdempotencyHeader }),
      ...(spec.ifMatch && { headers: IfMatchHeader }),
    },
    responses: { ...describeProblems(spec), ...describeResponses(spec) },
    middleware: createPipeline(spec.auth, body),
  };
  // The shape above is RouteDefinition<R> by construction; the mapped types cannot be followed through the object literal.
  return createRoute(config as never) as never;
}

function toQuerySchema(method: RouteSpec["method"], query: z.ZodObject, where: string): z.ZodObject {
  const closed = strict(query, where);
  return method === "get" ? closed.strip() : closed;
}

const IdempotencyHeader = z.object({
  "idempotency-key": z
    .string()
    .min(1)
    .max(255)
    .optional()
    .meta({
      description:
        "The same key with the same request returns the first response again, for 24 hours. When the first one ended in a way that " +
        "leaves open whether it was carried out (a crash, or a 500 or 503 for a lost reply of the database), the key returns " +
        "`idempotency_in_progress` for up to a minute, and the request then runs again. Sending a message happens once even so.",
    }),
});

const IfMatchHeader = z.object({
  "if-match": z
    .string()
    .max(1_000)
    .optional()
    .meta({ description: "The `ETag` that was read. When it has been edited since, the response is 412." }),
});

/** As OpenAPI names it: one of these is needed. A scope is listed with its scheme. */
function describeSecurity(auth: Auth): Record<string, string[]>[] {
  if (auth === "public") return [];
  const userSchemes: Record<string, string[]>[] = [{ bearer: [] }, { session: [] }];
  if (typeof auth === "string") return userSchemes;
  return [{ service: [auth.scope] }, ...(auth.orUser ? userSchemes : [])];
}

/** Whether no field is needed: then no body at all is as good as `{}`. */
function canBeEmpty(body: z.ZodType): boolean {
  return body.safeParse({}).success;
}

function createPipeline(auth: Auth, body: z.ZodType | undefined): MiddlewareHandler<ApiEnv> {
  const check = authorize(auth);
  const isOptional = body !== undefined && canBeEmpty(body);
  return async (c, next) => {
    check(c);
    if (body !== undefined && !isOptional && !c.req.header("content-type"))
      throw new AppError("unsupported_media_type");
    return c.get("receive")(c, next, isOptional);
  };
}

function describeResponses(spec: RouteSpec): Record<number, unknown> {
  return Object.fromEntries(
    Object.entries(spec.responses).map(
      ([status, { description, schema, contentType = "application/json", headers }]) => [
        status,
        {
          description,
          ...(schema && { content: { [contentType]: { schema } } }),
          ...(headers && {
            headers: Object.fromEntries(
              Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: "string" } }]),
            ),
          }),
        },
      ],
    ),
  );
}

/** Every code that this route may return, as one response per status. */
function describeProblems(spec: RouteSpec): Record<number, unknown> {
  const codes = new Set<Code>(["malformed", "rate_limited", "internal", "unavailable", ...(spec.errors ?? [])]);
  if (spec.auth !== "public") codes.add("unauthenticated").add("banned");
  if (spec.auth !== "public" && spec.auth !== "user") codes.add("forbidden");
  if (spec.method !== "get") codes.add("wrong_origin");
  if (spec.request?.params) codes.add("not_found");
  if (spec.request?.query || spec.request?.body) codes.add("invalid");
  if (spec.method !== "get") codes.add("too_large").add("request_timeout");
  if (spec.ifMatch) codes.add("changed");
  if (spec.request?.body) codes.add("unsupported_media_type");
  if (spec.method === "post") {
    codes.add("idempotency_in_progress").add("idempotency_key_reused").add("invalid");
  }
  const byStatus = new Map<number, Code[]>();
  for (const code of codes) byStatus.set(CODES[code].status, [...(byStatus.get(CODES[code].status) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      {
        description: all.map((code) => `\`${code}\`: ${CODES[code].title}`).join(" "),
        content: { [PROBLEM_TYPE]: { schema: Problem } },
      },
    ]),
  );
}

/** `get /api/v1/channels/{channel_id}/members` → `getChannelsByChannelIdMembers`, for generated clients. */
function createOperationId(method: string, path: string): string {
  const words = path
    .replace(/^\/api(\/v1)?\//, "")
    .split(/[/_-]/)
    .map((part) => part.replace(/^\{(.+?)\}?$/, "by-$1").replace("}", ""))
    .join("-")
    .split("-");
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

import { z } from "zod";

/** A JSON Schema (2020-12), as OpenAPI 3.1 uses it. */
export type JsonSchema = { [key: string]: unknown };

interface Parameter {
  name: string;
  in: "path" | "query" | "header" | "cookie";
  required?: boolean;
  schema: JsonSchema;
}

interface DocumentedResponse {
  headers?: Record<string, unknown>;
  content?: Record<string, { schema: JsonSchema }>;
}

interface DocumentedOperation {
  operationId: string;
  security: unknown[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
  responses: Record<string, DocumentedResponse>;
}

/** One operation of openapi.json. */
export interface Operation extends DocumentedOperation {
  method: string;
  path: string;
}

export interface ApiDocument {
  operations: Operation[];
  /** The schema with the document's components at hand: `$ref`s lead into it. */
  resolve(schema: JsonSchema): JsonSchema;
}

/** Reads the document of a running server. */
export async function readDocument(url: string): Promise<ApiDocument> {
  const text = await (await fetch(`${url}/api/openapi.json`)).text();
  const document = JSON.parse(text.replaceAll('"#/components/schemas/', '"#/$defs/')) as {
    paths: Record<string, Record<string, DocumentedOperation>>;
    components: { schemas: JsonSchema };
  };
  return {
    operations: Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ ...operation, method, path })),
    ),
    resolve: (schema) => ({ ...schema, $defs: document.components.schemas }),
  };
}

/** Differences between a response and what the document says of its operation; empty when it is as documented. */
export function mismatches(document: ApiDocument, operation: Operation, response: Response, body: string): string[] {
  const documented = operation.responses[String(response.status)];
  if (documented === undefined) return [`status ${response.status} is not documented: ${body.slice(0, 300)}`];
  const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
  const missing = Object.keys(documented.headers ?? {}).filter(
    (name) => ["location", "etag"].includes(name.toLowerCase()) && !response.headers.has(name),
  );
  const found = missing.map((name) => `header ${name} is missing`);
  if (documented.content === undefined) {
    return body === "" ? found : [...found, `a body is not documented: ${body.slice(0, 300)}`];
  }
  const schema = documented.content[type]?.schema;
  if (schema === undefined) return [...found, `content type "${type}" is not documented`];
  const isProblem = type === "application/problem+json";
  return [
    ...found,
    ...schemaIssues(document.resolve(isProblem ? schema : closed(schema)), readBody(body, type), isProblem),
  ];
}

/** A response's body; of a stream, which has no end, its first part. */
export async function readText(response: Response): Promise<string> {
  if (response.headers.get("content-type") !== STREAM) return response.text();
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

function readBody(body: string, type: string): unknown {
  return type === STREAM ? body : JSON.parse(body);
}

const STREAM = "text/event-stream";

function schemaIssues(schema: JsonSchema, value: unknown, isOpen: boolean): string[] {
  const { $defs } = schema;
  const whole = isOpen ? schema : { ...schema, $defs: closed($defs) };
  const outcome = z.fromJSONSchema(whole as never).safeParse(value);
  return outcome.success ? [] : outcome.error.issues.map(({ path, message }) => `/${path.join("/")}: ${message}`);
}

/** The schema with every object closed: a field that the document does not name is a mistake of the document. */
function closed<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(closed) as T;
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const isObject = "properties" in inner && !("additionalProperties" in inner);
  return (isObject ? { ...inner, additionalProperties: false } : inner) as T;
}

export interface CallOptions {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  /** The caller's bearer token. */
  token?: string;
  headers?: Record<string, string>;
}

/** A client that trusts the document only: it throws when an operation or its response is not as described. */
export function documentedClient(url: string, document: ApiDocument) {
  const succeeded = new Set<Operation>();
  return {
    /** Calls `"post /api/v1/channels"` and returns what came; `expected` is the status it must have. */
    async call<T = unknown>(name: string, expected: number, options: CallOptions = {}): Promise<T> {
      const operation = document.operations.find(({ method, path }) => name === `${method} ${path}`);
      if (operation === undefined) throw new Error(`${name} is not documented`);
      const path = operation.path.replace(/\{(\w+)\}/g, (_, key) => encodeURIComponent(options.params?.[key] ?? ""));
      const query = new URLSearchParams(options.query).toString();
      const response = await fetch(`${url}${path}${query === "" ? "" : `?${query}`}`, {
        method: operation.method.toUpperCase(),
        headers: {
          ...(options.body === undefined ? {} : { "content-type": "application/json" }),
          ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
          ...options.headers,
        },
        body: options.body === undefined ? undefined : JSON.stringify(options.body),
      });
      const body = await readText(response);
      const wrong = mismatches(document, operation, response, body);
      if (response.status !== expected) wrong.unshift(`status ${response.status} in place of ${expected}: ${body}`);
      if (wrong.length > 0) throw new Error(`${name}: ${wrong.join("; ")}`);
      if (response.ok) succeeded.add(operation);
      return (body === "" ? undefined : readBody(body, response.headers.get("content-type") ?? "")) as T;
    },
    /** The operations without a successful response so far. */
    untried: () =>
      document.operations.filter((one) => !succeeded.has(one)).map(({ method, path }) => `${method} ${path}`),
  };
}

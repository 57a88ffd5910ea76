import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import { COMMANDS } from "../../protocol/frames.ts";
import { MESSAGE_MAX } from "../../protocol/objects.ts";
import { MAX_ANONYMOUS_BODY } from "../../src/platform/http/read-body.ts";
import * as grpcRequests from "../../src/transport/grpc/requests.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { longestMatch } from "../support/longest-match.ts";
import { type ApiDocument, type JsonSchema, type Operation, readDocument } from "./documented.ts";

/** Texts that are slow to match, to normalise or to fold; each as long as a request may be at all. */
const LONG = ["a.", "\ufdfa", "a@", "1", "é", " "].map((unit) => unit.repeat(900_000 / Buffer.byteLength(unit)));
/** No text that a user may write is longer than a message (8,000 code points, in UTF-16 at most twice as many). */
const BOUND = 2 * MESSAGE_MAX;

let app: TestApp;
let document: ApiDocument;
let token: string;

beforeAll(async () => {
  app = await startTestApp({ WEBHOOKS_ALLOW_PRIVATE: "true" });
  document = await readDocument(app.url);
  const owner = { username: "olga", email: "olga@example.org", password: "correct horse battery" };
  const response = await send(document.operations.find(({ path }) => path === "/api/v1/auth/register")!, owner, null);
  token = ((await response.json()) as { access_token: string }).access_token;
}, 60_000);
afterAll(() => app.close());

function send({ method, path }: Operation, body: object, as: string | null): Promise<Response> {
  return fetch(app.url + path.replace(/\{\w+\}/g, "1"), {
    method: method.toUpperCase(),
    headers: { "content-type": "application/json", ...(as === null ? {} : { authorization: `Bearer ${as}` }) },
    body: JSON.stringify(body),
  });
}

/** A body for each text that the document says a request may carry, with `long` in its place. */
function bodiesWith(operation: Operation, long: string): object[] {
  const schema = operation.requestBody?.content["application/json"]?.schema;
  const properties = Object.entries((schema?.properties ?? {}) as Record<string, JsonSchema>);
  const bodies: object[] = properties.map(([name, { type }]) => ({ [name]: type === "array" ? [long] : long }));
  return schema?.additionalProperties ? [...bodies, { [long]: long }] : bodies;
}

test("no pattern and no normal form is given a text that is longer than its field may be", async () => {
  const operations = document.operations.filter(({ requestBody }) => requestBody !== undefined);
  let sent = 0;
  const longest = await longestMatch(async () => {
    for (const operation of operations)
      for (const body of bodiesWith(operation, LONG[sent % LONG.length]!)) {
        const { status } = await send(operation, body, token);
        expect([400, 403, 404, 413, 422]).toContain(status);
        sent += 1;
      }
  });
  expect(sent).toBeGreaterThan(40);
  if (longest.length > BOUND) throw new Error(`${longest.length} characters were given to ${longest.by}`);
}, 120_000);

/** A value for each text of a schema, with `long` in its place; other fields are left out. */
function* listValues(schema: JsonSchema, long: string): Generator<unknown> {
  for (const one of [...((schema.anyOf ?? []) as JsonSchema[]), ...((schema.allOf ?? []) as JsonSchema[])])
    yield* listValues(one, long);
  if (schema.type === "string") yield long;
  if (schema.type === "array") for (const item of listValues(schema.items as JsonSchema, long)) yield [item];
  for (const [name, field] of Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>))
    for (const value of listValues(field, long)) yield { [name]: value };
  if (typeof schema.additionalProperties === "object") yield { [long]: {} };
}

test("the same holds for the frames of a socket and the messages of gRPC", async () => {
  const schemas = [...Object.values(COMMANDS), ...Object.values(grpcRequests)];
  let tried = 0;
  const longest = await longestMatch(() => {
    for (const schema of schemas)
      for (const long of LONG)
        for (const value of listValues(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }), long)) {
          schema.safeParse(value);
          tried += 1;
        }
  });
  expect(tried).toBeGreaterThan(100);
  if (longest.length > BOUND) throw new Error(`${longest.length} characters were given to ${longest.by}`);
});

test("of an unknown caller, or one signing in, no more than 16 KiB are read, on any path", async () => {
  const open = document.operations.filter(({ security, requestBody }) => requestBody && security.length === 0);
  expect(open.length).toBeGreaterThan(3);
  const dialects = ["/api/register", "/api/login", "/api/channel", "/api/channel/join", "/api/reply"];
  const pages = ["/login", "/register", "/setup", "/logout", "/channels/1", "/login.data", "/nothing"];
  const json = new Blob([JSON.stringify({ email: "a".repeat(100_000) })], { type: "application/json" });
  const form = new URLSearchParams({ email: "a".repeat(100_000) });
  const post = async (path: string, body: Blob | URLSearchParams) => {
    const { status } = await fetch(app.url + path, { method: "POST", body });
    expect(`${path} ${status}`).toBe(`${path} 413`);
  };
  for (const path of [...open.map((operation) => operation.path), ...dialects]) await post(path, json);
  for (const path of pages) await post(path, form);
  const known = open.find(({ path }) => path === "/api/v1/auth/login")!;
  expect((await send(known, { email: "a".repeat(MAX_ANONYMOUS_BODY) }, token)).status).toBe(413);
});

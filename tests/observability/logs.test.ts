import { afterAll, beforeAll, expect, spyOn, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:http2";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { createLogger } from "../../src/platform/logger.ts";
import { getService, loadDefinition } from "../../src/transport/grpc/definition.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { freePort } from "../support/free-port.ts";
import { startOtlpCollector } from "../support/otlp-collector.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** All that a whole app logs at the level trace while people and services use every interface with every kind of secret. */
const GRPC_TOKEN = "secret-grpc-token-of-the-tests";
const lines: string[] = [];
const logger = createLogger({ LOG_LEVEL: "trace", LOG_FORMAT: "json" }, { write: (line) => void lines.push(line) });
const collector = startOtlpCollector();
let app: TestApp;
let grpcPort: number;

beforeAll(async () => {
  grpcPort = await freePort();
  app = await startTestApp(
    {
      LOG_LEVEL: "trace",
      GRPC_TOKEN,
      GRPC_HOST: "127.0.0.1",
      GRPC_PORT: String(grpcPort),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=secret-of-the-collector",
      OTEL_TRACES_SAMPLER_ARG: "1",
      WEBHOOKS_ALLOW_PRIVATE: "true",
      // Nothing listens there.
      SMTP_URL: `smtp://usher:secret-of-the-mail@127.0.0.1:${await freePort()}`,
    },
    logger,
  );
});
afterAll(async () => {
  await app.close();
  collector.stop();
});

async function call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${app.url}${path}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text.startsWith("{") ? JSON.parse(text) : null };
}

/** What was found of these in the log, each with the line that has it. */
const leaks = (secrets: readonly string[]) =>
  secrets.flatMap((secret) => lines.filter((line) => line.includes(secret)).map((line) => `${secret}: ${line}`));

test("no secret reaches the log, whichever interface it came by", async () => {
  const api = "/api/v1";
  const secrets = [
    "secret-password-1",
    "secret-password-2",
    GRPC_TOKEN,
    "secret-of-the-collector",
    "secret-of-the-mail",
  ];
  const account = { email: "ann@example.org", username: "ann", password: secrets[0] };
  const registered = (await call("POST", `${api}/auth/register`, account)).body;
  const signedIn = (await call("POST", `${api}/auth/login`, { email: account.email, password: secrets[0] })).body;
  secrets.push(registered.access_token, registered.refresh_token, signedIn.access_token, signedIn.refresh_token);
  const bearer = { authorization: `Bearer ${signedIn.access_token}` };
  await call("POST", `${api}/auth/login`, { email: account.email, password: secrets[1] });
  const refreshed = (await call("POST", `${api}/auth/refresh`, { refresh_token: signedIn.refresh_token })).body;
  secrets.push(refreshed.access_token, refreshed.refresh_token);
  const made = await call(
    "POST",
    `${api}/service-tokens`,
    { name: "one", scopes: ["notify", "stats"], rooms: ["*"] },
    bearer,
  );
  const hook = await call("POST", `${api}/webhooks`, { url: "http://127.0.0.1:9/in", types: ["*"] }, bearer);
  for (const result of [made, hook])
    for (const value of Object.values(result.body ?? {}))
      if (typeof value === "string" && /^(ust_|whsec_)/.test(value)) secrets.push(value);
  await call("POST", `${api}/auth/password-resets`, { email: account.email });
  await call("GET", "/reset/secret-reset-link");
  await call("GET", "/register?invite=secret-invite");
  for (const path of ["/reset/secret-reset-page%E0", "/reset/secret-reset-page%", "/register?invite=secret-invite%E0"])
    await call("GET", path);
  secrets.push("secret-reset-page");
  // E-mail addresses: taken ones, unknown ones, those of a mail that cannot be sent.
  await call("POST", `${api}/auth/register`, { ...account, username: "other" });
  await call("POST", `${api}/auth/register`, { ...account, email: "other@example.org" });
  await call("POST", `${api}/auth/login`, { email: "unknown@example.org", password: secrets[1] });
  await call("POST", `${api}/auth/password-reset-requests`, { email: account.email });
  await waitUntil("the mail has failed", () => lines.some((line) => line.includes("could not be made or sent")));
  secrets.push("ann@example.org", "other@example.org", "unknown@example.org");
  await call("GET", `${api}/stream?rooms=event:1&token=secret-stream-token`);
  await call("GET", `${api}/users/me?access_token=secret-query-token`, undefined, { cookie: "session=secret-cookie" });
  secrets.push("secret-reset-link", "secret-invite", "secret-stream-token", "secret-query-token", "secret-cookie");
  const port = Number(new URL(app.url).port);
  const client = await openClient(port, { query: `?token=${signedIn.access_token}` });
  await client.next("system:connected");
  await client.request("system:auth", { token: "secret-wrong-token" });
  await openClient(port, { query: "?token=secret-socket-token" }).catch(() => {});
  secrets.push("secret-wrong-token", "secret-socket-token");
  client.close();
  for (const token of [GRPC_TOKEN, "secret-metadata-token"]) await grpcCall(token);
  secrets.push("secret-metadata-token");
  const printing = spyOn(console, "error").mockImplementation((...values) => void lines.push(values.join(" ")));
  await unreadableGrpcCall("secret-latin-token");
  printing.mockRestore();
  secrets.push("secret-latin-token");

  expect(new Set(secrets).size).toBeGreaterThan(15);
  expect(lines.length).toBeGreaterThan(10);
  expect(leaks(secrets)).toEqual([]);
  // The search itself finds one that is planted.
  logger.info({ note: `planted ${secrets[0]}` }, "planted");
  expect(leaks(secrets)).toHaveLength(1);
});

test("lines of a request carry its ids", async () => {
  const traceId = "b".repeat(32);
  await call("GET", "/api/v1/users/me", undefined, {
    "x-request-id": "request-of-the-test",
    traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
  });
  const line = JSON.parse(lines.find((each) => each.includes("request-of-the-test")) ?? "{}");
  expect(line).toMatchObject({ request_id: "request-of-the-test", trace_id: traceId, msg: "request completed" });
});

async function grpcCall(token: string): Promise<void> {
  const method = getService(loadDefinition(), "realtime.RealtimeService").GetConnectionStats!;
  const client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  await new Promise<void>((resolve) => {
    const { path, requestSerialize, responseDeserialize } = method;
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, metadata, () => resolve());
  });
  client.close();
}

/** With metadata that gRPC does not allow, as a program sends it that takes its token from a file with a wrong letter. */
async function unreadableGrpcCall(token: string): Promise<void> {
  const session = connect(`http://127.0.0.1:${grpcPort}`);
  const request = session.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    te: "trailers",
    authorization: `Bearer ${token}\u00e9`,
  });
  request.end(Buffer.alloc(5));
  await once(request, "response");
  session.destroy();
}

import { afterAll, beforeAll, expect, test } from "bun:test";
import { createTracing, NO_TRACING } from "../../src/platform/tracing.ts";
import { type GrpcNode, startGrpcNode, TOKEN } from "../grpc/node.ts";
import { startOtlpCollector } from "../support/otlp-collector.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, type WsClient } from "../support/ws-client.ts";

/** Two nodes with a broker between them, and a collector: what is traced is what a caller's traceparent asks for. */
let a: GrpcNode;
let b: GrpcNode;
let client: WsClient;
let userId: string;
let userToken: string;
const collector = startOtlpCollector();
const env = {
  BROKER: "postgres",
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=one%20two",
  OTEL_TRACES_SAMPLER_ARG: "0.000001",
};

beforeAll(async () => {
  a = await startGrpcNode(env);
  b = await startGrpcNode({ ...env, DATABASE_URL: a.databaseUrl });
  const response = await fetch(`${a.url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "ann@example.org", username: "ann", password: "correct horse" }),
  });
  const { user, access_token } = await response.json();
  userId = user.id;
  userToken = access_token;
  client = await openClient(b.httpPort, { query: `?token=${userToken}` });
  await client.next("system:connected");
});
afterAll(async () => {
  await b.close();
  await a.close();
  collector.stop();
});

let count = 0;
function newTrace(flags = "01") {
  const traceId = (++count).toString(16).padStart(32, "a");
  return { traceId, traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}` };
}

const findTrace = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);

/** `name of parent > name`, sorted, for the spans of a trace; the caller's own span is `caller`. */
function shape(traceId: string): string[] {
  const spans = findTrace(traceId);
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  const parent = (id: string | undefined) => (id === "00f067aa0ba902b7" ? "caller" : (names.get(id ?? "") ?? "?"));
  return spans.map(({ parentSpanId, name }) => `${parent(parentSpanId)} > ${name}`).sort();
}

const WAY = [
  "broker publish > broker receive",
  "broker receive > deliver",
  "log write > broker publish",
  "log write > deliver",
  "log write > log append",
];

/** Sends messages until one's trace has come through the broker: before nodes know each other, the log brings them. */
async function traced(say: (traceparent: string) => Promise<unknown>): Promise<string> {
  return waitUntil("a trace over both nodes", async () => {
    const { traceId, traceparent } = newTrace();
    await say(traceparent);
    await waitUntil("its first spans", () => findTrace(traceId).length >= 5);
    await Bun.sleep(300); // what the other node sends in its own time
    return findTrace(traceId).some(({ name }) => name === "broker receive") ? traceId : null;
  });
}

test("a gRPC notice is one trace, from its caller to the socket on another node", async () => {
  const trace = await traced((traceparent) =>
    a.request(
      "realtime.RealtimeService/SendToUser",
      { user_id: userId, event_type: "custom:hello", payload: "{}" },
      { metadata: { traceparent } },
    ),
  );
  await waitUntil("all spans", () => findTrace(trace).length >= 7);
  expect(shape(trace)).toEqual([...WAY, "caller > gRPC SendToUser", "gRPC SendToUser > log write"].sort());
  const at = (name: string) => new Set(findTrace(trace).flatMap((s) => (s.name === name ? s.instance : [])));
  expect(at("broker receive")).not.toEqual(at("broker publish"));
  expect(at("deliver").size).toBe(2);
  expect(collector.requests[0]?.get("x-tenant")).toBe("one two");
  // Clients do not see it.
  const frame = await client.next("custom:hello");
  expect(JSON.stringify(frame)).not.toContain(trace);
  const meta = await a.request("realtime.RealtimeService/GetConnectionStats", {});
  expect(JSON.stringify(meta)).not.toContain(trace);
});

test("a REST notice is one trace too", async () => {
  const trace = await traced((traceparent) =>
    fetch(`${a.url}/api/v1/users/${userId}/notices`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", traceparent },
      body: JSON.stringify({ event_type: "custom:hello", payload: {} }),
    }),
  );
  expect(shape(trace)).toEqual([...WAY, "caller > HTTP POST", "HTTP POST > log write"].sort());
});

test("FR-8 a command's traceparent is continued, and an invalid one is ignored", async () => {
  const made = await fetch(`${a.url}/api/v1/channels`, {
    method: "POST",
    headers: { authorization: `Bearer ${userToken}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "traced", type: "public" }),
  });
  const channel_id = (await made.json()).id;
  const { traceId, traceparent } = newTrace();
  for (const [id, sent] of [
    ["1", traceparent],
    ["2", "nonsense"],
    ["3", 7],
  ] as const) {
    client.send({ type: "message:send", id, payload: { channel_id, content: "hi", client_id: id }, traceparent: sent });
    expect((await client.next("system:ack")).id).toBe(id);
  }
  await waitUntil("the spans of the post", () => shape(traceId).includes("log write > log append"));
  expect(shape(traceId)).toContain("caller > message:send");
  expect(shape(traceId)).toContain("message:send > log write");
});

test("a node that gets an entry from the log alone continues its trace: a post, a change and a notice", async () => {
  const alone = await startGrpcNode({ ...env, BROKER: "memory", DATABASE_URL: a.databaseUrl });
  const call = (path: string, body: object, traceparent: string) =>
    fetch(`${a.url}/api/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${userToken}`, "content-type": "application/json", traceparent },
      body: JSON.stringify(body),
    });
  const made = await call("/channels", { name: "from-the-log", type: "public" }, newTrace("00").traceparent);
  const { id } = (await made.json()) as { id: string };
  const listener = await openClient(alone.httpPort, { query: `?token=${userToken}` });
  await listener.request("room:join", { room: `channel:${id}` });
  const ways = {
    "message:created": (traceparent: string) => call(`/channels/${id}/messages`, { content: "hi" }, traceparent),
    "channel:updated": (traceparent: string) =>
      fetch(`${a.url}/api/v1/channels/${id}`, {
        method: "PATCH",
        headers: { authorization: `Bearer ${userToken}`, "content-type": "application/json", traceparent },
        body: JSON.stringify({ topic: "new" }),
      }),
    "custom:alone": (traceparent: string) =>
      a.request(
        "realtime.RealtimeService/SendToUser",
        { user_id: userId, event_type: "custom:alone", payload: "{}" },
        { metadata: { traceparent } },
      ),
  };
  for (const [type, say] of Object.entries(ways)) {
    const { traceId, traceparent } = newTrace();
    await say(traceparent);
    expect(JSON.stringify(await listener.next(type))).not.toContain(traceId);
    await waitUntil(`the tail's spans of ${type}`, () => shape(traceId).some((each) => each === "log tail > deliver"));
    expect(shape(traceId).filter((each) => each.endsWith("> log tail"))).toEqual([
      type === "channel:updated" ? "transaction > log tail" : "log write > log tail",
    ]);
  }
  listener.close();
  await alone.close();
});

test("what the caller does not sample is not sent", async () => {
  const { traceId, traceparent } = newTrace("00");
  const request = (metadata: Record<string, string>) =>
    a.request("realtime.RealtimeService/GetConnectionStats", {}, { metadata });
  await request({ traceparent });
  const after = newTrace();
  await request({ traceparent: after.traceparent });
  await waitUntil("the trace after it", () => findTrace(after.traceId).length > 0);
  expect(findTrace(traceId)).toEqual([]);
});

test("without an endpoint, or with a part of 0, no trace is started and no package is loaded", async () => {
  const deps = { version: "0", logger: { warn: () => {} } };
  const config = { OTEL_EXPORTER_OTLP_HEADERS: null, OTEL_EXPORTER_OTLP_ENDPOINT: null, OTEL_TRACES_SAMPLER_ARG: 1 };
  expect(await createTracing(config, deps)).toBe(NO_TRACING);
  const none = { ...config, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER_ARG: 0 };
  expect(await createTracing(none, deps)).toBe(NO_TRACING);
});

test("a collector that is away costs the pending spans, and a line in the log", async () => {
  const warned: unknown[] = [];
  const away = await createTracing(
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
      OTEL_EXPORTER_OTLP_HEADERS: null,
      OTEL_TRACES_SAMPLER_ARG: 1,
    },
    { version: "0", logger: { warn: (fields: unknown) => void warned.push(fields) } },
  );
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 50_000; i++) away.begin("work")?.end();
  Bun.gc(true);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(40_000_000);
  await waitUntil("the warning", () => warned.length > 0);
  await away.stop();
  expect(warned.length).toBe(1);
}, 30_000);

import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:net";
import { exampleServer } from "../../../tests/support/example-server.ts";
import { StartError } from "../../config/start-error.ts";
import { withListenErrors } from "./http-server.ts";

let server: Awaited<ReturnType<typeof exampleServer>>;
let databaseIsThere = true;
let searchIsThere = true;
let draining = false;

beforeAll(async () => {
  server = await exampleServer({
    environment: { TRUSTED_PROXIES: "127.0.0.1", HTTP_WRITE_TIMEOUT: "3s" },
    draining: () => draining,
    checks: [
      {
        name: "PostgreSQL",
        isRequired: true,
        probe: async () => (databaseIsThere ? "ok" : Promise.reject(new Error("away"))),
      },
      { name: "search", isRequired: false, probe: async () => (searchIsThere ? "ok" : new Promise(() => {})) },
    ],
  });
}, 60_000);
afterAll(() => server.close(), 60_000);

const get = (path: string, headers: Record<string, string> = {}) => fetch(server.url + path, { headers });

test("data responses let nothing run, load or frame; https gets HSTS", async () => {
  for (const path of ["/health", "/api/v1/meta", "/api/v1/notes", "/nowhere"]) {
    const { headers } = await get(path);
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("strict-transport-security")).toBeNull();
  }
  const secure = await get("/health", { "x-forwarded-proto": "https" });
  expect(secure.headers.get("strict-transport-security")).toBe("max-age=31536000");
});

test("the request id comes back and is in the log; tokens and secrets of the query are not", async () => {
  const response = await get("/api/v1/meta?token=abc.def&refresh_token=ghi&limit=5", { "x-request-id": "find-me" });
  expect(response.headers.get("x-request-id")).toBe("find-me");
  const line = server.lines.find(({ request_id }) => request_id === "find-me");
  expect(line).toMatchObject({
    path: "/api/v1/meta?token=[redacted]&refresh_token=[redacted]&limit=5",
    address: "127.0.0.1",
  });
  expect(JSON.stringify(server.lines)).not.toContain("abc.def");
});

test("a reset link and an invitation are not in the log", async () => {
  await get("/reset/Abc_-secret", { "x-request-id": "a-reset" });
  await get("/register?invite=Def_-secret", {
    "x-request-id": "an-invite",
    referer: `${server.url}/reset/Abc_-secret`,
  });
  const paths = ["a-reset", "an-invite"].map((id) => server.lines.find(({ request_id }) => request_id === id)?.path);
  expect(paths).toEqual(["/reset/[redacted]", "/register?invite=[redacted]"]);
  expect(JSON.stringify(server.lines)).not.toContain("_-secret");
});

test("the address behind a trusted proxy reaches the handler", async () => {
  const response = await get("/api/v1/admin", { authorization: "Bearer root", "x-forwarded-for": "203.0.113.9" });
  expect(await response.json()).toEqual({ address: "203.0.113.9" });
});

test("/health is 200; /ready distinguishes degraded from unavailable", async () => {
  expect(await (await get("/health")).json()).toEqual({ status: "healthy" });
  expect(await (await get("/ready")).json()).toEqual({ status: "ready", checks: { PostgreSQL: "ok", search: "ok" } });
  searchIsThere = false;
  expect(await outcome(200)).toEqual({ status: "degraded", checks: { PostgreSQL: "ok", search: "away" } });
  databaseIsThere = false;
  expect(await outcome(503)).toEqual({ status: "unavailable", reason: "PostgreSQL does not respond" });
  databaseIsThere = searchIsThere = true;
  draining = true;
  expect(await outcome(503)).toEqual({ status: "unavailable", reason: "draining" });
  draining = false;
  expect((await outcome(200)).status).toBe("ready");
}, 15_000);

/** Outcomes are cached for a moment: polls until the wanted status is there and differs from before. */
let lastText = "";
async function outcome(status: number): Promise<Record<string, unknown>> {
  for (;;) {
    const response = await get("/ready");
    const text = await response.text();
    if (response.status === status && text !== lastText && !(lastText === "" && text.includes('"ready"'))) {
      lastText = text;
      return JSON.parse(text);
    }
    await Bun.sleep(50);
  }
}

test("/metrics has every fixed name from 0, for this machine", async () => {
  const response = await get("/metrics");
  expect(response.headers.get("content-type")).toStartWith("text/plain");
  const text = await response.text();
  for (const sample of [
    'realtime_messages_sent_total{type="message:created"} 0',
    'realtime_messages_received_total{type="message:send"} 0',
    'realtime_notifications_delivered_total{type="booking"} 0',
    'realtime_grpc_requests_total{method="SendToUser",status="OK"} 0',
    "realtime_grpc_request_duration_seconds_count 0",
    'realtime_errors_total{type="PARSE_ERROR"} 0',
    "realtime_delivery_seconds_count 0",
    'realtime_connections_closed_total{reason="slow"} 0',
    'realtime_recoveries_total{outcome="recovered"} 0',
  ]) {
    expect(text).toContain(`${sample}\n`);
  }
  // A proxy on this machine forwards for another client.
  expect((await get("/metrics", { "x-forwarded-for": "203.0.113.9" })).status).toBe(404);
  expect(text).toMatch(/process_resident_memory_bytes \d{7,}/);
});

test("a handler that takes longer than HTTP_WRITE_TIMEOUT gets a 503 in its place", async () => {
  const response = await fetch(`${server.url}/api/v1/waits`, {
    method: "POST",
    headers: { authorization: "Bearer ann" },
  });
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ code: "unavailable", retry: true });
  server.state.gate.resolve();
});

test("the document is OpenAPI 3.1 and names the routes; the docs come from here", async () => {
  const document = await (await get("/api/openapi.json")).json();
  expect(document.openapi).toBe("3.1.0");
  const create = document.paths["/api/v1/notes"].post;
  expect(create.requestBody.content["application/json"].schema.additionalProperties).toBe(false);
  expect(create.security).toEqual([{ bearer: [] }, { session: [] }]);
  expect(Object.keys(create.responses)).toContain("409");
  const page = await get("/api/docs");
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self';");
  for (const [, path] of (await page.text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    expect([path, (await get(path!)).status]).toEqual([path, 200]);
  }
});

test("a Host that is none is 400; HTTP/1.0 needs none", async () => {
  const getStatus = async (head: string) => {
    const socket = connect(server.port, "127.0.0.1");
    socket.write(`${head}\r\n\r\n`);
    const [bytes] = await once(socket, "data");
    socket.destroy();
    return Number(String(bytes).split(" ")[1]);
  };
  for (const host of ["[::bad", "a b", "", "x:99999999"]) {
    expect([host, await getStatus(`GET /health HTTP/1.1\r\nHost: ${host}`)]).toEqual([host, 400]);
    expect([host, await getStatus(`GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nHost: ${host}`)]).toEqual([host, 400]);
  }
  expect(await getStatus("GET /health HTTP/1.0")).toBe(200);
});

test("a header that comes byte by byte is cut off", async () => {
  const socket = connect(server.port, "127.0.0.1");
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.on("error", () => {});
  socket.on("data", () => {});
  const header = `GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ${"a".repeat(5_000)}`;
  let sent = 0;
  const drip = setInterval(() => socket.write(header[sent++] ?? "a"), 50);
  await closed;
  clearInterval(drip);
}, 60_000);

test("a port in use is an error that says what to do", () => {
  const config = { HTTP_HOST: "127.0.0.1", HTTP_PORT: server.port };
  const listen = () =>
    withListenErrors(config, () =>
      Bun.serve({ port: server.port, hostname: "127.0.0.1", fetch: () => new Response() }),
    );
  expect(listen).toThrow(StartError);
  expect(listen).toThrow(`Port ${server.port} is taken.`);
});

test("a wrong TRUSTED_PROXIES stops the start", async () => {
  await expect(exampleServer({ environment: { TRUSTED_PROXIES: "the-proxy" } })).rejects.toThrow(
    "TRUSTED_PROXIES must be addresses or ranges",
  );
});

test("stopping lets requests that run end, cuts sockets, and takes no new ones", async () => {
  const other = await exampleServer();
  const socket = new WebSocket(other.url.replace("http", "ws").concat("/ws"));
  const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const running = fetch(`${other.url}/api/v1/waits`, { method: "POST", headers: { authorization: "Bearer ann" } });
  while (other.state.entered === 0) await Bun.sleep(5);
  const stopped = other.server.stop(5_000);
  await expect(fetch(`${other.url}/health`)).rejects.toThrow();
  other.state.gate.resolve();
  expect((await running).status).toBe(200);
  await stopped;
  expect((await closed).code).toBe(1001);
  await other.close();
});

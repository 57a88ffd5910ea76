import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { exampleServer } from "../../../tests/support/example-server.ts";

let server: Awaited<ReturnType<typeof exampleServer>>;

beforeAll(async () => {
  server = await exampleServer({
    environment: { HTTP_READ_TIMEOUT: "1s", ALLOWED_ORIGINS: "https://app.example.org" },
  });
}, 60_000);
afterAll(() => server.close(), 60_000);

function call(path: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Response> {
  return fetch(server.url + path, { ...init, headers: { authorization: "Bearer ann", ...init.headers } });
}

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return call(path, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  });
}

async function readProblem(response: Response) {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const body = await response.json();
  expect(body.status).toBe(response.status);
  expect(body.request_id).toBe(response.headers.get("x-request-id"));
  return body;
}

describe("what a body may be", () => {
  test("a valid one is accepted", async () => {
    const response = await post("/api/v1/notes", { text: "hello" });
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe("/api/v1/notes/1");
  });

  test("broken JSON is 400 malformed", async () => {
    const response = await post("/api/v1/notes", '{"text":');
    expect(await readProblem(response)).toMatchObject({ status: 400, code: "malformed" });
  });

  test("no body where one is needed is 400 malformed", async () => {
    expect(await readProblem(await post("/api/v1/notes", ""))).toMatchObject({ status: 400, code: "malformed" });
  });

  test("deep JSON is refused, not fatal", async () => {
    const deep = `{"text":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
    expect([400, 422]).toContain((await post("/api/v1/notes", deep)).status);
  });

  test("bytes that are not UTF-8 are 400 malformed", async () => {
    const body = new Uint8Array([...new TextEncoder().encode('{"text":"'), 0xff, 0xfe, 0x22, 0x7d]);
    const response = await call("/api/v1/notes", {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    expect(await readProblem(response)).toMatchObject({ status: 400, code: "malformed" });
  });

  test("another content type is 415", async () => {
    const form = await post("/api/v1/notes", "text=hello", { "content-type": "application/x-www-form-urlencoded" });
    expect(await readProblem(form)).toMatchObject({ status: 415, code: "unsupported_media_type" });
    const bare = await call("/api/v1/notes", { method: "POST" });
    expect(await readProblem(bare)).toMatchObject({ status: 415, code: "unsupported_media_type" });
  });

  test("a wrong value is 422 with a pointer to it", async () => {
    const response = await post("/api/v1/notes", { text: 5, more: [{ at: "x" }] });
    expect(await readProblem(response)).toMatchObject({
      code: "invalid",
      errors: [
        { pointer: "/text", code: "invalid_type" },
        { pointer: "/more/0/at", code: "invalid_type" },
      ],
    });
  });

  test("a missing field is 422 required", async () => {
    expect((await readProblem(await post("/api/v1/notes", {}))).errors).toEqual([
      { pointer: "/text", code: "required", message: "is required" },
    ]);
  });

  test("an unknown field is 422, at the top and inside; its name is escaped as RFC 6901 says", async () => {
    const response = await post("/api/v1/notes", { text: "a", "x/y~z": 1, more: [{ at: 1, by: 2 }] });
    const { errors } = await readProblem(response);
    expect(errors.map(({ pointer, code }: { pointer: string; code: string }) => [pointer, code])).toEqual([
      ["/more/0/by", "unknown_field"],
      ["/x~1y~0z", "unknown_field"],
    ]);
  });

  test("a wrong query field is 422, an unknown one of a read is passed over: clients and proxies add some", async () => {
    expect((await readProblem(await call("/api/v1/notes?limit=101"))).errors[0].pointer).toBe("/query/limit");
    for (const query of ["_=1764547200", "limt=10", "utm_source=x&limit=1"])
      expect((await call(`/api/v1/notes?${query}`)).status).toBe(200);
    expect((await readProblem(await call("/api/v1/notes?before=1&after=2"))).errors).toHaveLength(2);
  });

  test("a NUL character is 422 in a body and in a query", async () => {
    expect(await readProblem(await post("/api/v1/notes", { text: "a\0b" }))).toMatchObject({
      status: 422,
      code: "invalid",
    });
    expect(await readProblem(await call("/api/v1/notes?before=%00"))).toMatchObject({ status: 422, code: "invalid" });
  });

  test("an id in the path that cannot be one is 404", async () => {
    expect(await readProblem(await call("/api/v1/notes/'%20or%201=1"))).toMatchObject({
      status: 404,
      code: "not_found",
    });
  });

  test("more than 1 MiB is 413, announced or not", async () => {
    const big = JSON.stringify({ text: "x".repeat(1_100_000) });
    expect(await readProblem(await post("/api/v1/notes", big))).toMatchObject({ status: 413, code: "too_large" });
    const chunks = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < 12; sent++) controller.enqueue(new Uint8Array(100_000).fill(0x20));
        controller.close();
      },
    });
    const chunked = await call("/api/v1/notes", {
      method: "POST",
      body: chunks,
      headers: { "content-type": "application/json" },
    });
    expect(await readProblem(chunked)).toMatchObject({ status: 413, code: "too_large" });
  });

  test("a body that drips in is 408 after HTTP_READ_TIMEOUT, and other requests are served meanwhile", async () => {
    const socket = connect(server.port, "127.0.0.1");
    let response = "";
    socket.on("data", (bytes) => {
      response += bytes;
    });
    const ended = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    socket.write("POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\n");
    socket.write("Content-Type: application/json\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n");
    const drip = setInterval(() => socket.write(" "), 100);
    expect((await call("/api/v1/notes")).status).toBe(200);
    while (!response.includes("request_timeout")) await Bun.sleep(20);
    clearInterval(drip);
    socket.end();
    await ended;
    expect(response).toStartWith("HTTP/1.1 408 ");
  });
});

describe("paths and methods", () => {
  test("an unknown path is 404", async () => {
    expect(await readProblem(await call("/api/v1/nothing"))).toMatchObject({ status: 404, code: "not_found" });
  });

  test("another method is 405 and says which there are", async () => {
    const response = await call("/api/v1/notes", { method: "PUT" });
    expect(response.headers.get("allow")).toBe("GET, POST, HEAD, OPTIONS");
    expect(await readProblem(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
  });

  test("OPTIONS says which methods there are, HEAD responds like GET without a body", async () => {
    const options = await call("/api/v1/notes/1", { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, DELETE, HEAD, OPTIONS"]);
    const head = await call("/api/v1/notes", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });
});

describe("who may", () => {
  test("no one without credentials: 401, and it says how", async () => {
    const response = await fetch(`${server.url}/api/v1/notes`);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(await readProblem(response)).toMatchObject({ status: 401, code: "unauthenticated" });
  });

  test("a bad token is 401 with its reason; on a public route it does not matter", async () => {
    const refused = await call("/api/v1/notes", { headers: { authorization: "Bearer eve" } });
    expect(await readProblem(refused)).toMatchObject({ status: 401, detail: "This token is not valid." });
    expect((await call("/api/v1/meta", { headers: { authorization: "Bearer eve" } })).status).toBe(200);
    const basic = await call("/api/v1/notes", { headers: { authorization: "Basic YTpi" } });
    expect((await readProblem(basic)).detail).toContain("Bearer <token>");
  });

  test("an admin's route is 403 for a member, and open to the owner", async () => {
    expect(await readProblem(await call("/api/v1/admin"))).toMatchObject({ status: 403, code: "forbidden" });
    expect((await call("/api/v1/admin", { headers: { authorization: "Bearer root" } })).status).toBe(200);
  });

  test("the role is checked before the body is read", async () => {
    const response = await fetch(`${server.url}/api/v1/notes`, { method: "POST", body: "not json" });
    expect(response.status).toBe(401);
  });
});

describe("writes with a cookie", () => {
  const body = { text: "x" };
  const write = (headers: Record<string, string>) =>
    fetch(`${server.url}/api/v1/notes`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", cookie: "session=ann", ...headers },
    });

  test("come from our own origin or an allowed one", async () => {
    expect((await write({ origin: server.url })).status).toBe(201);
    expect((await write({ origin: "https://app.example.org" })).status).toBe(201);
    expect((await write({ "sec-fetch-site": "same-origin" })).status).toBe(201);
  });

  const foreign: Record<string, string>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    {},
  ];
  for (const headers of foreign) {
    test(`are refused with ${JSON.stringify(headers)}`, async () => {
      expect(await readProblem(await write(headers))).toMatchObject({ status: 403, code: "wrong_origin" });
    });
  }

  test("reads are not checked, nor writes with a token", async () => {
    const read = await fetch(`${server.url}/api/v1/notes`, {
      headers: { cookie: "session=ann", origin: "https://evil.example" },
    });
    expect(read.status).toBe(200);
    expect((await post("/api/v1/notes", body, { origin: "https://evil.example" })).status).toBe(201);
  });

  test("only allowed origins may read responses (CORS)", async () => {
    const asked = "authorization, traceparent, cache-control, last-event-id, x-some-library";
    const preflight = (origin: string) =>
      fetch(`${server.url}/api/v1/notes`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": asked },
      });
    const allowed = (await preflight("https://app.example.org")).headers.get("access-control-allow-headers");
    expect(allowed?.split(/ *, */)).toEqual(asked.split(", "));
    expect((await preflight("https://app.example.org")).headers.get("access-control-allow-origin")).toBe(
      "https://app.example.org",
    );
    expect((await preflight("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
  });
});

test("a defect is 500 with the request id, logged with its text, returned without it", async () => {
  const response = await post("/api/v1/breaks", "", { "x-request-id": "trace-me.1" });
  const body = await readProblem(response);
  expect(body).toMatchObject({ status: 500, code: "internal", request_id: "trace-me.1", retry: true });
  expect(JSON.stringify(body)).not.toContain("secret reason");
  expect(server.lines.find(({ msg }) => msg === "request failed")).toMatchObject({
    request_id: "trace-me.1",
    err: { message: "the secret reason" },
  });
});

test("a database that is unavailable is 503 unavailable, not a defect", async () => {
  const other = await exampleServer();
  await other.loseDatabase();
  const response = await fetch(`${other.url}/api/v1/notes`, {
    method: "POST",
    body: '{"text":"x"}',
    headers: { authorization: "Bearer ann", "content-type": "application/json", "idempotency-key": "k" },
  });
  expect(await readProblem(response)).toMatchObject({ status: 503, code: "unavailable", retry: true });
  await other.close();
});

test("a list links to its next page and keeps the query", async () => {
  const response = await call("/api/v1/notes?limit=1");
  expect(response.headers.get("link")).toBe('</api/v1/notes?limit=1&after=1>; rel="next"');
});

import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { Client, credentials as grpcCredentials } from "@grpc/grpc-js";
import { certificateFor } from "../support/certificate.ts";
import { freePort } from "../support/free-port.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { waitUntil } from "../support/wait-until.ts";

/** TLS of our own on the program as it runs, with certificates: shown, renewed, and refused when they are wrong. */
const MAIN = join(import.meta.dirname, "../../src/main.ts");
const folder = mkdtempSync(join(tmpdir(), "usher-tls-"));
const files = { cert: join(folder, "tls.crt"), key: join(folder, "tls.key") };
let database: TestDatabase;
let server: Awaited<ReturnType<typeof start>>;

function make(name: string): void {
  const { key, cert } = certificateFor(name, ["localhost", "127.0.0.1"]);
  writeFileSync(join(folder, `${name}.key`), key);
  writeFileSync(join(folder, `${name}.crt`), cert);
}

function install(cert: string, key = cert): void {
  copyFileSync(join(folder, `${cert}.crt`), files.cert);
  copyFileSync(join(folder, `${key}.key`), files.key);
}

async function start(environment: Record<string, string> = {}) {
  const port = await freePort();
  const grpcPort = await freePort();
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: database.url,
      DATA_DIR: folder,
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: String(port),
      GRPC_HOST: "127.0.0.1",
      GRPC_PORT: String(grpcPort),
      METRICS_ENABLED: "false",
      TLS_CERT_FILE: files.cert,
      TLS_KEY_FILE: files.key,
      ...environment,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = { text: "" };
  void (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) output.text += decoder.decode(bytes, { stream: true });
  })();
  return { child, port, grpcPort, output, errors: new Response(child.stderr).text() };
}

beforeAll(async () => {
  database = await testDatabase();
  for (const name of ["first", "second", "third"]) make(name);
  install("first");
  server = await start();
  await waitUntil("the server is ready", async () => (await request("/ready")).ok);
}, 60_000);
afterAll(async () => {
  server.child.kill("SIGTERM");
  await server.child.exited;
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A request on a new connection: none is reused. */
const request = (path: string, init: object = {}) =>
  fetch(`https://127.0.0.1:${server.port}${path}`, {
    keepalive: false,
    tls: { rejectUnauthorized: false },
    ...init,
  } as object);

/** The name in the certificate that a new connection is shown. */
function shown(port = server.port): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: "127.0.0.1", port, rejectUnauthorized: false, ALPNProtocols: ["h2", "http/1.1"] },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      },
    );
    socket.on("error", reject);
  });
}

async function openSocket() {
  const socket: WebSocket = Reflect.construct(WebSocket, [
    `wss://127.0.0.1:${server.port}/ws`,
    { tls: { rejectUnauthorized: false } },
  ]);
  const frames: { type: string; id?: number }[] = [];
  const seen = (type: string) => waitUntil(`${type} came`, () => frames.some((frame) => frame.type === type));
  const state = { closed: false };
  socket.onmessage = ({ data }) => void frames.push(JSON.parse(data));
  socket.onclose = () => {
    state.closed = true;
  };
  await seen("system:connected");
  socket.send(JSON.stringify({ type: "room:join", id: 1, payload: { room: "event:7" } }));
  await waitUntil("it has joined", () => frames.some(({ id }) => id === 1));
  return {
    state,
    close: () => socket.close(),
    seen,
    async ping(id: number) {
      socket.send(JSON.stringify({ type: "system:ping", id, payload: {} }));
      await waitUntil("the reply came", () => frames.some((frame) => frame.id === id));
    },
  };
}

/** gRPC's health, by a client that reuses its connection. */
function grpcClient() {
  const options = { "grpc.ssl_target_name_override": "localhost" };
  const check = { rejectUnauthorized: false };
  const client = new Client(
    `127.0.0.1:${server.grpcPort}`,
    grpcCredentials.createSsl(null, null, null, check),
    options,
  );
  const raw = (bytes: Buffer) => bytes;
  return {
    close: () => client.close(),
    check: () =>
      new Promise<Buffer>((resolve, reject) => {
        const done = (error: unknown, result?: Buffer) => (error ? reject(error) : resolve(result!));
        client.makeUnaryRequest("/grpc.health.v1.Health/Check", raw, raw, Buffer.alloc(0), done);
      }),
  };
}

let entries = 0;
/** An entry of the room that the sockets are in, as another node would have written it. */
async function publish(type: string): Promise<void> {
  await database.sql`
    SELECT log_append(ARRAY['event:7'], ARRAY[${String(++entries)}]::bigint[], ARRAY[${type}], ARRAY['{}'], ARRAY['{}'])`;
}

test("HTTPS, secure cookies, HSTS, WSS and gRPC by TLS; plain HTTP gets no response", async () => {
  const account = { username: "owner", email: "owner@example.org", password: "correct horse" };
  const response = await request("/api/v1/auth/register", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(account),
  });
  expect(response.status).toBe(201);
  expect(response.headers.get("set-cookie")).toMatch(/^__Host-usher_session=.*; Secure/);
  expect(response.headers.get("strict-transport-security")).toBe("max-age=31536000");
  expect((await request("/login")).status).toBe(200);
  (await openSocket()).close();
  expect([await shown(), await shown(server.grpcPort)]).toEqual(["first", "first"]);
  const client = grpcClient();
  expect([...(await client.check())]).toEqual([8, 1]); // status: SERVING
  client.close();
  expect(fetch(`http://127.0.0.1:${server.port}/health`)).rejects.toThrow();
});

test("a certificate that is renewed is shown to new connections; open ones stay, and still get what is published", async () => {
  const socket = await openSocket();
  const client = grpcClient();
  await client.check();
  install("second");
  await waitUntil("it is shown", async () => (await shown()) === "second");
  expect(await shown(server.grpcPort)).toBe("second");
  for (let i = 0; i < 5; i++) expect(await shown()).toBe("second");
  await socket.ping(7);
  await client.check();
  const younger = await openSocket();
  await younger.ping(8);
  await publish("test:second");
  for (const each of [socket, younger]) await each.seen("test:second");

  install("third");
  server.child.kill("SIGHUP");
  await waitUntil("it is shown", async () => (await shown()) === "third");
  for (const each of [socket, younger]) {
    await each.ping(9);
    await publish("test:third");
    await each.seen("test:third");
    expect(each.state.closed).toBe(false);
    each.close();
  }
  client.close();
});

test("a pair that does not match is reported in the log, and the old one stays", async () => {
  const before = await shown();
  install("first", "second");
  await waitUntil("the log says so", () => server.output.text.includes("is not that of the certificate"));
  expect(await shown()).toBe(before);
  writeFileSync(files.cert, "nothing");
  await waitUntil("the log says so", () => server.output.text.includes("holds no certificate"));
  expect(await shown()).toBe(before);
  install("first");
  await waitUntil("the good one is shown", async () => (await shown()) === "first");
});

test("a start without a good pair ends with a sentence", async () => {
  const refused = async (environment: Record<string, string>) => {
    const { child, errors } = await start(environment);
    expect(await child.exited).toBe(1);
    return errors;
  };
  expect(await refused({ TLS_KEY_FILE: join(folder, "second.key") })).toMatch(
    /^The key in TLS_KEY_FILE .* is not that of .*\n$/,
  );
  expect(await refused({ TLS_KEY_FILE: join(folder, "gone.key") })).toMatch(
    /^TLS_KEY_FILE names a file that cannot be read/,
  );
  expect(await refused({ TLS_KEY_FILE: "" })).toBe(
    "TLS_CERT_FILE and TLS_KEY_FILE are needed together. Set both, or neither.\n",
  );
  expect(await refused({ HTTP_PORT: String(server.port) })).toMatch(/^Port \d+ is taken/);
}, 30_000);

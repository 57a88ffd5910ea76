import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { getService, loadDefinition } from "../../src/transport/grpc/definition.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { freePort } from "../support/free-port.ts";
import { waitUntil } from "../support/wait-until.ts";

/** What has ended admits no one any more: at every interface, on the node where it ended and on the other. */
setDefaultTimeout(60_000);

const PASSWORD = "correct horse";
const nodes: { app: TestApp; grpc: Client }[] = [];
let owner: string;

beforeAll(async () => {
  let databaseUrl: string | null = null;
  for (let n = 0; n < 2; n++) {
    const port = await freePort();
    // With GRPC_TOKEN gRPC asks every caller for a token.
    const env: Record<string, string> = {
      GRPC_HOST: "127.0.0.1",
      GRPC_PORT: String(port),
      GRPC_TOKEN: "a-token-that-no-one-has",
    };
    const app: TestApp = await startTestApp(databaseUrl === null ? env : { ...env, DATABASE_URL: databaseUrl });
    databaseUrl ??= app.databaseUrl;
    nodes.push({ app, grpc: new Client(`127.0.0.1:${port}`, credentials.createInsecure()) });
  }
  owner = (await register("owner")).access_token;
}, 60_000);
afterAll(async () => {
  for (const { app, grpc } of nodes.reverse()) {
    grpc.close();
    await app.close();
  }
});

async function call(n: number, method: string, path: string, token: string | null, body?: object) {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token !== null) headers.authorization = `Bearer ${token}`;
  const response = await fetch(nodes[n]!.app.url + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : null };
}

async function register(
  username: string,
): Promise<{ access_token: string; refresh_token: string; user: { id: string } }> {
  const body = { email: `${username}@example.org`, username, password: PASSWORD };
  return (await call(0, "POST", "/api/v1/auth/register", null, body)).body;
}

/** The response to a request for a stream or socket; an open one is closed again. */
async function tryToken(n: number, path: string, headers: Record<string, string> = {}): Promise<number> {
  const stop = new AbortController();
  const response = await fetch(nodes[n]!.app.url + path, { headers, signal: stop.signal });
  stop.abort();
  return response.status;
}

const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

/** The status of every interface to which a person's token leads. */
async function probeAsPerson(n: number, token: string): Promise<number[]> {
  return [
    (await call(n, "GET", "/api/v1/users/me", token)).status,
    await tryToken(n, "/ws", { ...UPGRADE, authorization: `Bearer ${token}` }),
    await tryToken(n, `/v1/ws?token=${token}`, UPGRADE),
    await tryToken(n, `/api/v1/stream?rooms=event:1&token=${token}`),
    (await call(n, "GET", "/api/user/channel", token)).status,
  ];
}

/** The same of a service's; the last is gRPC's code. */
async function probeAsService(n: number, token: string): Promise<number[]> {
  const { path, requestSerialize, responseDeserialize } = getService(loadDefinition(), "realtime.RealtimeService")
    .GetConnectionStats!;
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const code = await new Promise<number>((resolve) =>
    nodes[n]!.grpc.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      {},
      metadata,
      (error: ServiceError | null) => resolve(error?.code ?? status.OK),
    ),
  );
  return [
    (await call(n, "GET", "/api/v1/connections/stats", token)).status,
    await tryToken(n, "/ws", { ...UPGRADE, authorization: `Bearer ${token}` }),
    await tryToken(n, `/api/v1/stream?rooms=event:1&token=${token}`),
    code,
  ];
}

const GOOD = [200, 101, 101, 200, 200];
const REFUSED = [401, 401, 401, 401, 401];

async function isRefusedEverywhere(token: string): Promise<void> {
  expect(await probeAsPerson(0, token)).toEqual(REFUSED);
  // The other node learns of it by the log.
  await waitUntil("the other node refuses it", async () =>
    (await probeAsPerson(1, token)).every((code) => code === 401),
  );
}

test("a token after logout", async () => {
  const ann = await register("ann");
  for (const n of [0, 1]) expect(await probeAsPerson(n, ann.access_token)).toEqual(GOOD);
  expect((await call(0, "POST", "/api/v1/auth/logout", ann.access_token)).status).toBe(204);
  await isRefusedEverywhere(ann.access_token);
  expect((await call(1, "POST", "/api/v1/auth/refresh", null, { refresh_token: ann.refresh_token })).status).toBe(401);
});

test("a refresh token that was used two times ago: the whole sign-in ends, the new tokens too", async () => {
  const bob = await register("bob");
  const refresh = (n: number, token: string) => call(n, "POST", "/api/v1/auth/refresh", null, { refresh_token: token });
  const second = (await refresh(0, bob.refresh_token)).body;
  const third = (await refresh(1, second.refresh_token)).body;
  expect(await probeAsPerson(0, third.access_token)).toEqual(GOOD);
  expect((await refresh(1, bob.refresh_token)).status).toBe(401);
  for (const n of [0, 1])
    await waitUntil(`node ${n} refuses the newest token`, async () =>
      (await probeAsPerson(n, third.access_token)).every((code) => code === 401),
    );
  expect((await refresh(0, third.refresh_token)).status).toBe(401);
});

test("a token, and a token for connections, of a person who is banned", async () => {
  const eve = await register("eve");
  const { token } = (await call(0, "POST", "/api/v1/auth/connection-tokens", eve.access_token, {})).body;
  expect(await tryToken(1, `/ws?token=${token}`, UPGRADE)).toBe(101);
  expect((await call(0, "GET", "/api/v1/users/me", token)).status).toBe(401);
  const ban = await call(0, "POST", "/api/v1/admin/bans", owner, { user_id: eve.user.id, reason: "noise" });
  expect(ban.status).toBe(201);
  for (const n of [0, 1])
    for (const old of [token, eve.access_token])
      await waitUntil(`node ${n} refuses it`, async () => (await tryToken(n, `/ws?token=${old}`, UPGRADE)) !== 101);
});

test("a service token after rotation and revocation", async () => {
  const made = { name: "bookings", scopes: ["stats", "subscribe"], rooms: ["event:*"] };
  const first = (await call(0, "POST", "/api/v1/service-tokens", owner, made)).body;
  for (const n of [0, 1]) expect(await probeAsService(n, first.token)).toEqual([200, 101, 200, status.OK]);
  const second = (await call(0, "POST", `/api/v1/service-tokens/${first.id}/rotate`, owner, { overlap_seconds: 0 }))
    .body;
  const refused = [401, 401, 401, status.UNAUTHENTICATED];
  const refusedBy = (n: number, token: string) =>
    waitUntil(`node ${n} refuses it`, async () => Bun.deepEquals(await probeAsService(n, token), refused));
  for (const n of [0, 1]) await refusedBy(n, first.token);
  expect(await probeAsService(1, second.token)).toEqual([200, 101, 200, status.OK]);
  expect((await call(1, "DELETE", `/api/v1/service-tokens/${first.id}`, owner)).status).toBe(204);
  for (const n of [0, 1]) await refusedBy(n, second.token);
});

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ServerApiApp, startServerApiApp } from "../../tests/support/server-api.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";
import { openClient } from "../../tests/support/ws-client.ts";
import { openDatabase } from "../platform/postgres/pool.ts";

setDefaultTimeout(60_000);

interface Token {
  id: string;
  token: string;
  last_used_at: string | null;
  previous_until: string | null;
}

const STATIC = "a-token-of-the-configuration--all-of-it";

let app: ServerApiApp;
/** Another node on the same database, without a broker: it learns of changes only from the log. */
let other: ServerApiApp;

beforeAll(async () => {
  app = await startServerApiApp({ GRPC_TOKEN: STATIC });
  other = await startServerApiApp({ DATABASE_URL: app.databaseUrl });
});
afterAll(async () => {
  await other.close();
  await app.close();
});

async function make(more: object = {}): Promise<Token> {
  const wanted = { name: "bookings", scopes: ["stats", "subscribe"], rooms: ["event:*"], ...more };
  const made = await app.request<Token>(app.owner, "POST", "/api/v1/service-tokens", wanted);
  expect(made.status).toBe(201);
  return made.body;
}

const stats = async (token: string, on = app) => (await on.request(token, "GET", "/api/v1/connections/stats")).status;
const rotate = async ({ id }: Token, overlap_seconds: number) =>
  (await app.request<Token>(app.owner, "POST", `/api/v1/service-tokens/${id}/rotate`, { overlap_seconds })).body;
const revoke = ({ id }: Token) => app.request(app.owner, "DELETE", `/api/v1/service-tokens/${id}`);

test("a token's secret is returned once, and cannot be read from the database", async () => {
  const { token, id } = await make();
  expect(token).toMatch(/^ust_[1-9][0-9]*_[A-Za-z0-9_-]{43}$/);
  const list = await app.request(app.owner, "GET", "/api/v1/service-tokens");
  const secret = token.split("_").slice(2).join("_");
  expect(JSON.stringify(list.body)).toContain(id);
  expect(JSON.stringify(list.body)).not.toContain(secret);
  const { sql, close } = openDatabase(app.databaseUrl, { max: 1 });
  const [row] = await sql`SELECT s::text AS text FROM service_tokens s WHERE id = ${id}`;
  expect(row!.text).not.toContain(secret);
  await close();
});

test("a text that is no token of ours, a changed secret and an unknown id are refused alike", async () => {
  const { token } = await make();
  const last = token.at(-1) === "A" ? "B" : "A";
  for (const wrong of ["ust_", `${token.slice(0, -1)}${last}`, `ust_77_${"a".repeat(43)}`, `${token}a`, "ust_1_'--"]) {
    expect(await stats(wrong)).toBe(401);
  }
  expect(await stats(STATIC)).toBe(200);
});

test("during a rotation both secrets are valid, then the first is not", async () => {
  const first = await make();
  const second = await rotate(first, 60);
  expect(second.previous_until).toBeString();
  expect([await stats(first.token), await stats(second.token)]).toEqual([200, 200]);
  const third = await rotate(first, 60);
  expect([await stats(first.token), await stats(second.token), await stats(third.token)]).toEqual([401, 200, 200]);
  await rotate(first, 0);
  expect([await stats(second.token), await stats(third.token)]).toEqual([401, 401]);
});

test("a token is valid and ends on every node, without a broker, within five seconds", async () => {
  const made = await make();
  expect(await stats(made.token, other)).toBe(200);
  const client = await openClient(other.wsPort, { query: `?token=${made.token}` });
  await client.request("room:join", { room: "event:1" });
  const began = performance.now();
  await revoke(made);
  expect(await stats(made.token)).toBe(401);
  await waitUntil("the other node refuses it", async () => (await stats(made.token, other)) === 401);
  expect(await client.end()).toBe(4101);
  // The bound is the contract's, not a measure of this machine.
  expect(performance.now() - began).toBeLessThan(5_000);
  expect((await revoke(made)).status).toBe(204);
});

test("sockets that connected with the old secret close when it ends", async () => {
  const made = await make();
  const open = () => openClient(app.wsPort, { query: `?token=${made.token}` });
  const [one, two] = await Promise.all([open(), open()]);
  await Promise.all([one.next("system:connected"), two.next("system:connected")]);
  const next = await rotate(made, 1);
  const stays = await openClient(app.wsPort, { headers: { authorization: `Bearer ${next.token}` } });
  expect([await one.end(), await two.end()]).toEqual([4101, 4101]);
  expect((await stays.request("system:ping")).type).toBe("system:pong");
  stays.close();
});

test("a token ends at its time, and cannot be created with a time in the past", async () => {
  const soon = await make({ expires_at: new Date(Date.now() + 1_500).toISOString() });
  expect(await stats(soon.token)).toBe(200);
  await waitUntil("it has ended", async () => (await stats(soon.token)) === 401);
  const past = { name: "x", scopes: ["stats"], expires_at: new Date(Date.now() - 1_000).toISOString() };
  expect((await app.request(app.owner, "POST", "/api/v1/service-tokens", past)).status).toBe(422);
});

test("CN-9 a token without the scope subscribe cannot open a socket", async () => {
  const { token } = await make({ scopes: ["stats"] });
  const response = await fetch(`${app.url}/ws`, {
    headers: {
      authorization: `Bearer ${token}`,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    },
  });
  expect(response.status).toBe(403);
});

test("GRPC_TOKEN is an additional token with all rights, over HTTP too", async () => {
  expect(await stats(STATIC)).toBe(200);
  expect(await stats(`${STATIC}x`)).toBe(401);
});

test("the use of a token is stored at the latest when the node stops, not at every call", async () => {
  const made = await make();
  const own = await startServerApiApp({ DATABASE_URL: app.databaseUrl });
  for (let n = 0; n < 3; n++) expect(await stats(made.token, own)).toBe(200);
  const used = async () => {
    const { body } = await app.request<{ data: Token[] }>(app.owner, "GET", "/api/v1/service-tokens");
    return body.data.find(({ id }) => id === made.id)?.last_used_at;
  };
  expect(await used()).toBeNull();
  await own.close();
  expect(await used()).toBeString();
});

test("unknown scopes and malformed patterns are refused", async () => {
  const bad = [
    { scopes: ["everything"] },
    { scopes: [] },
    { rooms: ["_service_tokens"] },
    { rooms: ["ev*"] },
    { rooms: [] },
  ];
  for (const more of bad) {
    const wanted = { name: "x", scopes: ["stats"], ...more };
    expect((await app.request(app.owner, "POST", "/api/v1/service-tokens", wanted)).status).toBe(422);
  }
});

test("a service's requests are limited by its token, not by its address", async () => {
  const limited = await startServerApiApp({ SERVICE_RATE_LIMIT: "5", HTTP_RATE_LIMIT: "60" });
  try {
    const token = await limited.serviceToken(["stats"]);
    const statuses: number[] = [];
    for (let n = 0; n < 100; n++) statuses.push(await stats(token, limited));
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(5);
    expect(statuses).toContain(429);
    const refused = await waitUntil("it is refused", async () => {
      const response = await limited.request(token, "GET", "/api/v1/connections/stats");
      return response.status === 429 ? response : null;
    });
    // Of the address's 60 a minute only the requests of the owner, and the token's first, were consumed.
    expect(refused.headers.get("ratelimit-policy")).toContain('"service"');
    expect(refused.headers.get("ratelimit-policy")).not.toContain('"address"');
    await waitUntil("the next second has come", async () => (await stats(token, limited)) === 200);
  } finally {
    await limited.close();
  }
});

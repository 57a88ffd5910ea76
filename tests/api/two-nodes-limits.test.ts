import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, type WsClient } from "../support/ws-client.ts";

/** Two whole nodes that reach each other by PostgreSQL. A person has 10 connections and 120 requests a minute. */
const LIMIT = { BROKER: "postgres", HTTP_RATE_LIMIT: "600" };
let a: TestApp;
let b: TestApp;
let token: string;
beforeAll(async () => {
  a = await startTestApp(LIMIT);
  b = await startTestApp({ ...LIMIT, DATABASE_URL: a.databaseUrl });
  const account = { email: "ann@example.org", username: "ann", password: "correct horse" };
  const response = await fetch(`${a.url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(account),
  });
  token = ((await response.json()) as { access_token: string }).access_token;
});
afterAll(async () => {
  await b.close();
  await a.close();
});

const connect = (app: TestApp): Promise<WsClient> =>
  openClient(Number(new URL(app.url).port), { query: `?token=${token}` });

/** Asks ten times a second: handshakes are limited, too. */
const pollSlowly = (what: string, read: () => Promise<boolean>) => waitUntil(what, read, 30_000, 100);

/** Whether the person's next connection is refused. */
async function refuses(app: TestApp): Promise<boolean> {
  const client = await connect(app).catch(() => null);
  client?.close();
  if (client !== null) return false;
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    authorization: `Bearer ${token}`,
  };
  const refusal = await fetch(`${app.url}/ws`, { headers });
  expect(await refusal.text()).toContain("as many connections open as one person may have");
  return true;
}

const read = async (app: TestApp) =>
  (await fetch(`${app.url}/api/v1/users/me`, { headers: { authorization: `Bearer ${token}` } })).status;

test("CN-8 a user who has all connections on one node gets no more than a tenth on the other, until some are closed", async () => {
  const clients = await Promise.all(Array.from({ length: 10 }, () => connect(a)));
  clients.push(await connect(b));
  await pollSlowly("the other node refuses", () => refuses(b));
  expect(await refuses(a)).toBe(true);
  for (const client of clients.slice(0, 2)) client.close();
  await pollSlowly("the other node takes one", async () => !(await refuses(b)));
  for (const client of clients) client.close();
});

test("a user who has made all requests on one node is soon refused on the other", async () => {
  let here = 0;
  while ((await read(a)) === 200) here++;
  expect(here).toBeGreaterThan(90);
  let there = 0;
  await waitUntil("the other node refuses", async () => {
    there++;
    return (await read(b)) === 429;
  });
  expect(there).toBeLessThan(60);
});

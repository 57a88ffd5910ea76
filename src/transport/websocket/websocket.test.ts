import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startTestApp, type TestApp } from "../../../tests/support/app.ts";
import { openClient } from "../../../tests/support/ws-client.ts";

setDefaultTimeout(60_000);

let behindProxy: TestApp;
let alone: TestApp;

beforeAll(async () => {
  behindProxy = await startTestApp({ TRUSTED_PROXIES: "127.0.0.1/32" });
  alone = await startTestApp();
}, 60_000);
afterAll(async () => {
  await behindProxy.close();
  await alone.close();
});

const HANDSHAKE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

const port = (app: TestApp) => Number(new URL(app.url).port);

/** The session cookie of a new account. */
async function registerForCookie(app: TestApp): Promise<string> {
  const response = await fetch(`${app.url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "ann@example.org", username: "ann", password: "the password of ann" }),
  });
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

test("CN-8 an address with too many handshakes is refused before its credentials are read", async () => {
  const app = await startTestApp({ HTTP_RATE_LIMIT: "60" });
  try {
    const handshake = () => fetch(`${app.url}/ws?token=wrong`, { headers: HANDSHAKE });
    for (let n = 0; n < 60; n++) expect((await handshake()).status).toBe(401);
    const refused = await handshake();
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: "rate_limited" });
  } finally {
    await app.close();
  }
});

test("CN-3 a page under the name that a trusted proxy forwards may use its cookie; one from any other client does not count", async () => {
  const forwarded = (cookie: string) => ({
    cookie,
    host: "inner:3003",
    origin: "https://chat.example",
    "x-forwarded-host": "chat.example",
  });
  const client = await openClient(port(behindProxy), { headers: forwarded(await registerForCookie(behindProxy)) });
  expect((await client.next("system:connected")).payload.user_id).toBeString();
  client.close();

  const headers = { ...forwarded(await registerForCookie(alone)), ...HANDSHAKE };
  const refused = await fetch(`${alone.url}/ws`, { headers });
  expect(refused.status).toBe(403);
  expect(await refused.json()).toMatchObject({ code: "wrong_origin" });
});

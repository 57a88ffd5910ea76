import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";

setDefaultTimeout(60_000);

/** The pages, by addresses that a browser would not make up. */
let app: TestApp;
let asset: string;
/** The owner's. */
let cookie: string;

const from = (address: string) => ({ "x-forwarded-for": address });
const get = (path: string, address: string) => fetch(app.url + path, { headers: from(address), redirect: "manual" });

beforeAll(async () => {
  app = await startTestApp({ HTTP_RATE_LIMIT: "60", TRUSTED_PROXIES: "127.0.0.1" });
  const body = JSON.stringify({ username: "olga", email: "olga@example.org", password: "correct horse" });
  const headers = { "content-type": "application/json" };
  const account = await fetch(`${app.url}/api/v1/auth/register`, { method: "POST", headers, body });
  cookie = account.headers.get("set-cookie")!.split(";", 1)[0]!;
  let n = 0;
  const page = await waitUntil("the pages are there", async () => {
    const response = await get("/login", `192.0.2.${n++ % 90}`);
    return response.status === 200 ? response.text() : null;
  });
  asset = /\/assets\/[\w.-]+\.js/.exec(page)![0];
});
afterAll(() => app.close());

/** How many requests of one address a path serves before 429. */
async function countServed(path: string, address: string, max: number): Promise<number> {
  for (let n = 0; n < max; n++) {
    const { status, headers } = await get(path, address);
    if (status !== 429) continue;
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    return n;
  }
  return max;
}

test.each(["/favicon.svg", "/no/such/page", "/login", "/metrics"])(
  "%s counts as a request of its address",
  async (path) => {
    const address = `198.51.100.${path.length}`;
    expect(await countServed(path, address, 100)).toBeLessThanOrEqual(60);
    // The API's requests are counted with it; others are served.
    expect((await get("/api/v1/meta", address)).status).toBe(429);
    expect((await get("/favicon.svg", "198.51.100.200")).status).toBe(200);
  },
);

test("files with a hash in their names have a limit of their own, ten times as high", async () => {
  expect(await countServed(asset, "203.0.113.1", 700)).toBe(600);
  expect((await get("/favicon.svg", "203.0.113.1")).status).toBe(200);
});

test.each(["__proto__", "constructor", "toString"])("a page ignores %s in its query", async (word) => {
  expect((await get(`/login?ended=${word}`, "203.0.113.2")).status).toBe(200);
});

test.each(["__proto__", "constructor", "toString"])("no form asks for %s: nothing is done", async (intent) => {
  const body = new URLSearchParams({ intent });
  const post = {
    method: "POST",
    headers: { ...from("203.0.113.3"), cookie, origin: app.url },
    body,
    redirect: "manual",
  } as const;
  expect((await fetch(`${app.url}/admin/bans`, post)).status).toBe(400);
});

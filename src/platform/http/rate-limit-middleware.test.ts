import { afterAll, beforeAll, expect, test } from "bun:test";
import { exampleServer } from "../../../tests/support/example-server.ts";
import { addressKey } from "../address.ts";

let server: Awaited<ReturnType<typeof exampleServer>>;

beforeAll(async () => {
  server = await exampleServer({ limits: { caller: { points: 3, seconds: 60 }, address: { points: 8, seconds: 60 } } });
}, 60_000);
afterAll(() => server.close(), 60_000);

const read = (token: string) => fetch(`${server.url}/api/v1/notes`, { headers: { authorization: `Bearer ${token}` } });

test("each response says what is left; beyond the caller's limit it is 429, beyond the address's for all callers", async () => {
  const first = await read("ann");
  expect(first.headers.get("ratelimit-policy")).toBe('"caller";q=3;w=60, "address";q=8;w=60');
  expect(first.headers.get("ratelimit")).toMatch(/^"caller";r=2;t=\d+, "address";r=7;t=\d+$/);
  await read("ann");
  await read("ann");
  const fourth = await read("ann");
  expect(fourth.status).toBe(429);
  expect(Number(fourth.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await fourth.json()).toMatchObject({ code: "rate_limited", retry: true });
  expect((await read("bob")).status).toBe(200);
  await read("bob");
  await read("bob");
  await fetch(`${server.url}/api/v1/meta`);
  expect((await read("root")).status).toBe(429);
});

test("an IPv6 site counts as one, an IPv4 address as itself", () => {
  expect(addressKey("192.0.2.7")).toBe("192.0.2.7");
  expect(addressKey("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
  expect(addressKey("2001:db8::6")).toBe("2001:db8:0:0::/64");
  expect(addressKey("::1")).toBe("0:0:0:0::/64");
});

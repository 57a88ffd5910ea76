import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { errorCode } from "../../tests/support/error-code.ts";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";
import { hashSecret } from "./secret.ts";
import { RATE_LIMITS, StoredRateLimiter } from "./stored-rate-limiter.ts";

// Hashing passwords is slow on purpose, and the machine may be busy.
setDefaultTimeout(60_000);

let node: IdentityNode;
afterEach(() => node.close());

test("of 30 racing guesses at one account from one address exactly ten are checked", async () => {
  node = await startIdentityNode();
  await node.register("ann");
  const responses = await Promise.all(Array.from({ length: 30 }, () => node.login("ann", "wrong horse")));
  const codes = responses.map(({ body }) => body.code).sort();
  expect(codes).toEqual([...Array(10).fill("invalid_credentials"), ...Array(20).fill("rate_limited")]);
  const limited = responses.find(({ status }) => status === 429)!;
  expect(Number(limited.headers.get("retry-after"))).toBeWithin(1, 901);
  expect(limited.body).toMatchObject({ retry: true, retry_after: expect.any(Number) });

  // Neither the right password nor another spelling of the name avoids the limit; another address does.
  expect((await node.login("ann")).body.code).toBe("rate_limited");
  expect((await node.login("ANN")).body.code).toBe("rate_limited");
  const byMail = { email: "ann@example.org", password: "correct horse" };
  expect((await node.call("POST", "/auth/login", byMail)).body.code).toBe("rate_limited");
  expect((await node.login("ann", "correct horse", { address: "192.0.2.2" })).status).toBe(200);

  await node.sql`UPDATE rate_limits SET resets_at = now() - interval '1 second'`;
  expect((await node.login("ann")).status).toBe(200);
});

test("unknown names are limited like known ones", async () => {
  node = await startIdentityNode();
  const responses = await Promise.all(Array.from({ length: 12 }, () => node.login("unknown")));
  expect(responses.filter(({ status }) => status === 429)).toHaveLength(2);
});

test("an address that is refused leaves no row for further names that it invents", async () => {
  node = await startIdentityNode();
  await node.sql`
    INSERT INTO rate_limits (key, hits, resets_at)
    VALUES (${hashSecret(JSON.stringify(["loginByAddress", "192.0.2.1"]))}, ${RATE_LIMITS.loginByAddress.attempts}, now() + interval '1 hour')`;
  for (let n = 0; n < 5; n++) expect((await node.login(`invented${n}`)).body.code).toBe("rate_limited");
  expect(await node.sql`SELECT FROM rate_limits`).toHaveLength(1);
});

test("right passwords do not count", async () => {
  node = await startIdentityNode();
  await node.register("ann");
  for (let n = 0; n < 12; n++) expect((await node.login("ann")).status).toBe(200);
});

test("one address of an IPv6 site stands for the whole /64", async () => {
  node = await startIdentityNode();
  await node.register("ann");
  for (let n = 0; n < 10; n++) await node.login("ann", "wrong horse", { address: `2001:db8::${n + 1}` });
  expect((await node.login("ann", "correct horse", { address: "2001:db8::ffff" })).status).toBe(429);
  expect((await node.login("ann", "correct horse", { address: "2001:db8:0:1::1" })).status).toBe(200);
});

test("refused guesses of one address do not lock the account for others", async () => {
  node = await startIdentityNode();
  const { id } = await node.register("ann");
  for (let n = 0; n < 40; n++) await node.login("ann", "wrong horse");
  const limiter = new StoredRateLimiter(node.sql);
  const left = RATE_LIMITS.loginByAccount.attempts - 10;
  for (let n = 0; n < left; n++) await limiter.consume(["loginByAccount", id]);
  expect(await errorCode(limiter.consume(["loginByAccount", id]))).toBe("rate_limited");
});

test("concurrent counts of many keys cause no deadlock and no loss", async () => {
  node = await startIdentityNode();
  const limiter = new StoredRateLimiter(node.sql, { ...RATE_LIMITS, login: { attempts: 1e6, windowMs: 60_000 } });
  const keys = Array.from({ length: 8 }, (_, n) => ["login", `key${n}`] as const);
  await Promise.all(
    Array.from({ length: 60 }, (_, n) => limiter.consume(...(n % 2 === 0 ? keys : [...keys].reverse()))),
  );
  await Promise.all(Array.from({ length: 20 }, () => limiter.refund(...keys)));
  const rows = await node.sql`SELECT hits FROM rate_limits`;
  expect(rows.map(({ hits }) => hits)).toEqual(Array(8).fill(40));
});

test("registrations from one address are limited", async () => {
  node = await startIdentityNode({ REGISTRATION: "closed" });
  await node.register("owner");
  const body = { email: "a@example.org", username: "someone", password: "correct horse" };
  const responses = await Promise.all(Array.from({ length: 110 }, () => node.call("POST", "/auth/register", body)));
  expect(responses.filter(({ status }) => status === 429)).toHaveLength(11);
});

test("the sweep removes windows that are over, and only those", async () => {
  node = await startIdentityNode();
  await node.login("unknown");
  await node.identity.sweep();
  expect((await node.sql`SELECT FROM rate_limits`).length).toBe(3);
  await node.sql`UPDATE rate_limits SET resets_at = now() - interval '1 second'`;
  await node.identity.sweep();
  expect(await node.sql`SELECT FROM rate_limits`).toHaveLength(0);
});

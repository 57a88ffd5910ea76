import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { errorCode } from "../../tests/support/error-code.ts";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";
import { raceOnLockedRow } from "../../tests/support/race-on-locked-row.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";

// Hashing passwords is slow on purpose, and the machine may be busy.
setDefaultTimeout(60_000);

let node: IdentityNode;
let people = 0;
beforeAll(async () => {
  node = await startIdentityNode();
});
afterAll(() => node.close());
beforeEach(() => {
  node.closed.length = 0;
  node.clock.ahead = 0;
  node.clock.setBy = 0;
});

const newcomer = () => node.register(`person${++people}`);
const refresh = (refresh_token: string) => node.call("POST", "/auth/refresh", { refresh_token });
const authenticate = (token: string) => errorCode(node.identity.authenticate(token, "api"));

async function getSessionId(token: string): Promise<string> {
  return (await node.identity.authenticate(token, "api")).sessionId!;
}

test("login by name and by e-mail, in any case; a wrong password and an unknown name get the same response", async () => {
  await newcomer();
  const name = `PERSON${people}`;
  for (const who of [{ username: name }, { email: `${name}@EXAMPLE.org` }]) {
    const response = await node.call("POST", "/auth/login", { ...who, password: "correct horse", device_name: "lamp" });
    expect(response.status).toBe(200);
    expect(response.body.user.username).toBe(`person${people}`);
    expect(response.headers.get("set-cookie")).toStartWith("usher_session=");
  }
  const { request_id: _1, ...wrong } = (await node.login(name, "wrong horse")).body;
  const { request_id: _2, ...unknown } = (await node.login("unknown", "wrong horse")).body;
  expect(wrong.code).toBe("invalid_credentials");
  expect(unknown).toEqual(wrong);
  for (const body of [{ password: "x" }, { username: "a", email: "b", password: "x" }]) {
    expect((await node.call("POST", "/auth/login", body)).body.code).toBe("invalid");
  }
});

test("a token identifies its holder, and expires", async () => {
  const { id, token } = await newcomer();
  const caller = await node.identity.authenticate(token, "api");
  expect(caller).toMatchObject({
    kind: "user",
    userId: id,
    username: `person${people}`,
    sessionId: expect.any(String),
  });
  expect(caller.expiresAt! - Date.now()).toBeWithin(14 * 60_000, 15 * 60_000 + 1);
  node.clock.ahead = 16 * 60_000;
  expect(await errorCode(node.identity.authenticate(token, "api"))).toBe("unauthenticated");
});

test("refresh rotates: the new pair is valid, the old refresh token is used up and its reuse ends the session", async () => {
  const { token, refresh: first } = await newcomer();
  const session = await getSessionId(token);
  const second = await refresh(first);
  expect(second.status).toBe(200);
  expect(second.body.refresh_token).not.toBe(first);
  expect(await getSessionId(second.body.access_token)).toBe(session);
  const third = await refresh(second.body.refresh_token);
  expect(third.status).toBe(200);

  const stolen = await refresh(first);
  expect([stolen.status, stolen.body.code]).toEqual([401, "refresh_invalid"]);
  expect(node.closed).toEqual([{ session, reason: "signed_out" }]);
  expect((await refresh(third.body.refresh_token)).body.code).toBe("refresh_invalid");
  for (const access of [token, second.body.access_token, third.body.access_token]) {
    expect(await authenticate(access)).toBe("unauthenticated");
  }
  expect(node.lines.join("")).not.toContain(first);
});

test("a refresh whose response was lost may be repeated within the grace period, and gets the same successor", async () => {
  const { refresh: first } = await newcomer();
  const responses = await Promise.all(Array.from({ length: 8 }, () => refresh(first)));
  expect(responses.map(({ status }) => status)).toEqual(Array(8).fill(200));
  expect(new Set(responses.map(({ body }) => body.refresh_token)).size).toBe(1);
  expect(node.closed).toEqual([]);
  expect((await refresh(responses[0]!.body.refresh_token)).status).toBe(200);
});

test("refreshes that race to the same session follow each other, and get the same successor", async () => {
  const { token, refresh: first } = await newcomer();
  const session = await getSessionId(token);
  const responses = await raceOnLockedRow(node.sql, { table: "sessions", id: session }, () => [
    refresh(first),
    refresh(first),
    refresh(first),
  ]);
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(new Set(responses.map(({ body }) => body.refresh_token)).size).toBe(1);
  const [row] = await node.sql`SELECT count(*)::int AS n FROM refresh_tokens WHERE session_id = ${session}`;
  expect(row!.n).toBe(2);
});

test("after the grace period the repeated use of a refresh token ends its session, though its successor is unused", async () => {
  const { token, refresh: first } = await newcomer();
  const session = await getSessionId(token);
  const second = await refresh(first);
  await node.sql`UPDATE refresh_tokens SET used_at = used_at - interval '31 seconds' WHERE session_id = ${session}`;
  expect((await refresh(first)).body.code).toBe("refresh_invalid");
  expect((await refresh(second.body.refresh_token)).body.code).toBe("refresh_invalid");
  expect(await authenticate(token)).toBe("unauthenticated");
});

test("of many refreshes only those of the last three days are stored, and reuse of one of them ends the session", async () => {
  const { token, refresh: first } = await newcomer();
  const session = await getSessionId(token);
  let last = first;
  for (let i = 0; i < 200; i++) last = (await refresh(last)).body.refresh_token;
  const count = async () => {
    const [row] = await node.sql`SELECT count(*)::int AS n FROM refresh_tokens WHERE session_id = ${session}`;
    return row!.n;
  };
  await node.identity.sweep();
  expect(await count()).toBe(201);
  await node.sql`UPDATE refresh_tokens SET used_at = used_at - interval '3 days' WHERE session_id = ${session}`;
  const later = (await refresh(last)).body.refresh_token;
  await node.identity.sweep();
  expect(await count()).toBe(2);
  expect((await refresh(first)).body.code).toBe("refresh_invalid");
  expect(await authenticate(token)).toBe("ok");
  await node.sql`UPDATE refresh_tokens SET used_at = used_at - interval '1 minute' WHERE session_id = ${session}`;
  expect((await refresh(last)).body.code).toBe("refresh_invalid");
  expect((await refresh(later)).body.code).toBe("refresh_invalid");
  expect(await authenticate(token)).toBe("unauthenticated");
});

test("the database contains neither tokens nor cookies, and is not enough to compute a successor", async () => {
  const { token, refresh: first, cookie } = await newcomer();
  const { body } = await refresh(first);
  const session = await getSessionId(token);
  const rows = await node.sql`
    SELECT s.*, r.* FROM sessions s JOIN refresh_tokens r ON r.session_id = s.id WHERE s.id = ${session}`;
  const stored = JSON.stringify(rows);
  for (const secret of [first, body.refresh_token, cookie.split("=")[1]!, token]) expect(stored).not.toContain(secret);
});

test("garbage is no refresh token, nor is an access token", async () => {
  const { token } = await newcomer();
  for (const wrong of ["x", token.slice(0, 200), "A".repeat(43)]) {
    expect((await refresh(wrong)).body.code).toBe("refresh_invalid");
  }
  expect((await node.call("POST", "/auth/refresh", {})).body.code).toBe("refresh_invalid");
  expect((await refresh("x".repeat(201))).body.code).toBe("invalid");
});

test("an access token renews nothing: not itself, and no session whose cookie is not sent along", async () => {
  const { token, cookie } = await newcomer();
  const bare = await node.call("POST", "/auth/refresh", {}, { token });
  expect([bare.status, bare.body.code]).toEqual([401, "refresh_invalid"]);
  // With both the cookie is used, also when its session has ended.
  const { cookie: other } = await newcomer();
  const renewed = await node.call("POST", "/auth/refresh", {}, { token, cookie: other });
  expect(await getSessionId(renewed.body.access_token)).not.toBe(await getSessionId(token));
  const ended = `usher_session=${"A".repeat(43)}`;
  expect((await node.call("POST", "/auth/refresh", {}, { token, cookie: ended })).status).toBe(401);
  expect((await node.call("POST", "/auth/refresh", {}, { cookie })).status).toBe(200);
});

test("a cookie that another site's page sends together with a token renews nothing", async () => {
  const { token, cookie } = await newcomer();
  for (const origin of ["https://evil.example", "http://localhost.evil.example", "null"]) {
    for (const bearer of ["x", token]) {
      const { status, body } = await node.call("POST", "/auth/refresh", {}, { token: bearer, cookie, origin });
      expect([status, body.code]).toEqual([401, "refresh_invalid"]);
    }
  }
  expect((await node.call("POST", "/auth/refresh", {}, { token, cookie })).status).toBe(200);
});

test("a browser's cookie signs in, and gets an access token of its session", async () => {
  const { id, token, cookie } = await newcomer();
  expect((await node.call("GET", "/users/me", undefined, { cookie })).body.id).toBe(id);
  const { status, body } = await node.call("POST", "/auth/refresh", {}, { cookie });
  expect([status, body.refresh_token]).toEqual([200, null]);
  expect(await getSessionId(body.access_token)).toBe(await getSessionId(token));
  const caller = await node.identity.authenticateCookie(`a=b; ${cookie}; c=d`);
  expect(caller).toMatchObject({ userId: id, expiresAt: null });
  expect(await node.identity.authenticateCookie("a=b")).toBeNull();
  expect(await node.identity.authenticateCookie(`x${cookie}`)).toBeNull();
  expect(await node.identity.authenticateCookie(undefined)).toBeNull();
  expect(await errorCode(node.identity.authenticateCookie(`usher_session=${"A".repeat(43)}`))).toBe("unauthenticated");
});

test("logout ends this session at once: token, cookie and refresh token are invalid, sockets close", async () => {
  const { token, refresh: first, cookie } = await newcomer();
  const other = await node.login(`person${people}`);
  const caller = await node.identity.authenticate(token, "connect");
  expect(node.identity.isCurrent(caller)).toBeTrue();
  const out = await node.call("POST", "/auth/logout", undefined, { token });
  expect(out.status).toBe(204);
  expect(out.headers.get("set-cookie")).toStartWith("usher_session=; Path=/; Max-Age=0");
  expect(node.closed).toEqual([{ session: caller.sessionId!, reason: "signed_out" }]);
  expect(node.identity.isCurrent(caller)).toBeFalse();
  expect(await authenticate(token)).toBe("unauthenticated");
  expect(await errorCode(node.identity.authenticateCookie(cookie))).toBe("unauthenticated");
  expect((await refresh(first)).body.code).toBe("refresh_invalid");
  expect((await node.call("GET", "/users/me", undefined, { token })).status).toBe(401);
  expect(await authenticate(other.body.access_token)).toBe("ok");
});

test("a sign-in or a new account ends the session whose cookie is sent along, of any person, and no other", async () => {
  const ann = await newcomer();
  const phone = await node.login(`person${people}`);
  const bob = await newcomer();
  const session = await getSessionId(ann.token);
  const body = { username: `person${people}`, password: "correct horse" };
  expect((await node.call("POST", "/auth/login", { ...body, password: "wrong" }, { cookie: ann.cookie })).status).toBe(
    401,
  );
  expect(await authenticate(ann.token)).toBe("ok");
  const over = await node.call("POST", "/auth/login", body, { cookie: `a=b; ${ann.cookie}` });
  expect(over.status).toBe(200);
  expect(node.closed).toEqual([{ session, reason: "signed_out" }]);
  expect(await authenticate(ann.token)).toBe("unauthenticated");
  expect(await errorCode(node.identity.authenticateCookie(ann.cookie))).toBe("unauthenticated");
  expect((await refresh(ann.refresh)).body.code).toBe("refresh_invalid");
  for (const token of [phone.body.access_token, bob.token, over.body.access_token]) {
    expect(await authenticate(token)).toBe("ok");
  }
  const account = { email: `x${people}@example.org`, username: `x${people}`, password: "correct horse" };
  const made = await node.call("POST", "/auth/register", account, { cookie: bob.cookie });
  expect([made.status, await authenticate(bob.token)]).toEqual([201, "unauthenticated"]);
});

test("a caller who is being authenticated while the session ends is refused, or no longer current", async () => {
  for (let round = 0; round < 20; round++) {
    const { token } = await newcomer();
    const racing = Array.from({ length: 10 }, () => node.identity.authenticate(token, "connect").catch(() => null));
    const out = node.call("POST", "/auth/logout", undefined, { token });
    const late = Array.from({ length: 10 }, () => node.identity.authenticate(token, "connect").catch(() => null));
    const callers = await Promise.all([...racing, ...late]);
    expect((await out).status).toBe(204);
    for (const caller of callers) if (caller) expect(node.identity.isCurrent(caller)).toBeFalse();
    expect(await authenticate(token)).toBe("unauthenticated");
  }
});

test("sessions are listed, ended one by one and all others together; those of others are not found", async () => {
  const { token } = await newcomer();
  const as = { token };
  const phone = await node.call("POST", "/auth/login", {
    username: `person${people}`,
    password: "correct horse",
    device_name: "phone",
  });
  await node.login(`person${people}`);
  const list = await node.call("GET", "/auth/sessions", undefined, as);
  expect(list.body).toHaveLength(3);
  expect(list.body.filter(({ current }: { current: boolean }) => current)).toHaveLength(1);
  const entry = list.body.find(({ device_name }: { device_name: string }) => device_name === "phone");
  expect(entry).toMatchObject({ ip: "192.0.2.1", current: false });
  expect(Object.keys(entry).sort()).toEqual([
    "created_at",
    "current",
    "device_name",
    "id",
    "ip",
    "last_seen_at",
    "user_agent",
  ]);

  const stranger = await newcomer();
  const theft = await node.call("DELETE", `/auth/sessions/${entry.id}`, undefined, { token: stranger.token });
  expect(theft.body.code).toBe("not_found");
  expect((await node.call("DELETE", `/auth/sessions/${entry.id}`, undefined, as)).status).toBe(204);
  expect(node.closed).toEqual([{ session: entry.id, reason: "signed_out" }]);
  expect(await authenticate(phone.body.access_token)).toBe("unauthenticated");
  expect((await node.call("DELETE", "/auth/sessions", undefined, as)).status).toBe(204);
  const left = await node.call("GET", "/auth/sessions", undefined, as);
  expect(left.body.map(({ current }: { current: boolean }) => current)).toEqual([true]);
});

test("a session that was not used for SESSION_TTL has ended; the sweep removes it and closes its sockets", async () => {
  const { token, refresh: first, cookie } = await newcomer();
  const session = await getSessionId(token);
  await node.sql`UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = ${session}`;
  node.clock.ahead = 11_000; // cached values are valid for ten seconds
  expect(await authenticate(token)).toBe("unauthenticated");
  expect(await errorCode(node.identity.authenticateCookie(cookie))).toBe("unauthenticated");
  expect((await refresh(first)).body.code).toBe("refresh_invalid");
  node.closed.length = 0;
  await node.identity.sweep();
  expect(await node.sql`SELECT FROM sessions WHERE id = ${session}`).toHaveLength(0);
  expect(node.closed).toContainEqual({ session, reason: "signed_out" });
});

test("a clock that is set back an hour does not prolong the cached value of a session", async () => {
  const { token, cookie } = await newcomer();
  expect(await errorCode(node.identity.authenticateCookie(cookie))).toBe("ok");
  await node.sql`UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = ${await getSessionId(token)}`;
  node.clock.setBy = -3_600_000;
  expect(await authenticate(token)).toBe("ok");
  node.clock.ahead = 11_000;
  expect(await authenticate(token)).toBe("unauthenticated");
  expect(await errorCode(node.identity.authenticateCookie(cookie))).toBe("unauthenticated");
});

test("use extends a session", async () => {
  const { token } = await newcomer();
  const session = await getSessionId(token);
  await node.sql`
    UPDATE sessions SET last_seen_at = now() - interval '1 day', expires_at = now() + interval '1 day'
    WHERE id = ${session}`;
  node.clock.ahead = 11_000;
  expect(await authenticate(token)).toBe("ok");
  await waitUntil("it is extended", async () => {
    const [row] =
      await node.sql`SELECT expires_at > now() + interval '29 days' AS moved FROM sessions WHERE id = ${session}`;
    return row!.moved;
  });
});

test("a person has at most 50 sessions; the least recently used ends", async () => {
  const { id, token } = await newcomer();
  const session = await getSessionId(token);
  await node.sql`UPDATE sessions SET last_seen_at = now() - interval '1 hour' WHERE id = ${session}`;
  await node.sql`
    INSERT INTO sessions (id, user_id, cookie_hash, expires_at)
    SELECT 'many' || n, ${id}, 'many' || n, now() + interval '1 day' FROM generate_series(1, 49) n`;
  expect((await node.login(`person${people}`)).status).toBe(200);
  expect(node.closed).toEqual([{ session, reason: "signed_out" }]);
  expect(await authenticate(token)).toBe("unauthenticated");
});

test("a connection token opens sockets for a minute, and nothing else", async () => {
  const { token, cookie } = await newcomer();
  const { status, body } = await node.call("POST", "/auth/connection-tokens", {}, { token });
  expect([status, body.expires_in]).toEqual([201, 60]);
  const caller = await node.identity.authenticate(body.token, "connect");
  // Its connections close with the credential that requested it: an access token, or a session by its cookie.
  const { expiresAt } = await node.identity.authenticate(token, "api");
  expect(caller).toMatchObject({ sessionId: await getSessionId(token), expiresAt });
  const byCookie = await node.call("POST", "/auth/connection-tokens", {}, { cookie });
  expect(await node.identity.authenticate(byCookie.body.token, "connect")).toMatchObject({ expiresAt: null });
  expect(await authenticate(body.token)).toBe("unauthenticated");
  expect((await node.call("GET", "/users/me", undefined, { token: body.token })).status).toBe(401);
  node.clock.ahead = 61_000;
  expect(await errorCode(node.identity.authenticate(body.token, "connect"))).toBe("unauthenticated");
  node.clock.ahead = 0;
  await node.call("POST", "/auth/logout", undefined, { token });
  expect(await errorCode(node.identity.authenticate(body.token, "connect"))).toBe("unauthenticated");
});

test("another node sees the end of a session within ten seconds, and shares the signing keys", async () => {
  const { token } = await newcomer();
  const second = node.makeNode().identity;
  expect(await errorCode(second.authenticate(token, "api"))).toBe("ok");
  await node.call("POST", "/auth/logout", undefined, { token });
  node.clock.ahead = 11_000;
  expect(await errorCode(second.authenticate(token, "api"))).toBe("unauthenticated");
});

test("an unreachable database is `unavailable`, not a wrong token or cookie", async () => {
  const away = await startIdentityNode();
  const { token, cookie } = await away.register("ann");
  const { identity } = away.makeNode();
  await away.close();
  expect(await errorCode(identity.authenticate(token, "connect"))).toBe("unavailable");
  expect(await errorCode(identity.authenticateCookie(cookie))).toBe("unavailable");
  expect(await errorCode(identity.authenticate("a.b.c", "connect"))).toBe("unauthenticated");
});

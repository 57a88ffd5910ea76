import { afterAll, beforeAll, expect, test } from "bun:test";
import { exampleServer } from "../../../tests/support/example-server.ts";
import { AppError } from "../errors.ts";
import { ConnectionLost } from "../postgres/sql-connection.ts";

let server: Awaited<ReturnType<typeof exampleServer>>;

beforeAll(async () => {
  server = await exampleServer();
}, 60_000);
afterAll(() => server.close(), 60_000);

let keys = 0;
const newKey = () => `key-${++keys}`;

function post(path: string, key: string, body: unknown, token = "ann"): Promise<Response> {
  return fetch(server.url + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": key },
  });
}

const getCode = async (response: Response) => ((await response.json()) as { code: string }).code;

test("a repeat gets the first response: status, body, location; and is marked", async () => {
  const key = newKey();
  const first = await post("/api/v1/notes", key, { text: "once" });
  const again = await post("/api/v1/notes", key, { text: "once" });
  expect([first.status, again.status]).toEqual([201, 201]);
  expect(await again.json()).toEqual(await first.json());
  expect(again.headers.get("location")).toBe(first.headers.get("location"));
  expect(again.headers.get("content-type")).toBe(first.headers.get("content-type"));
  expect([first, again].map(({ headers }) => headers.get("idempotent-replayed"))).toEqual([null, "true"]);
  expect([...server.state.notes.values()].filter(({ text }) => text === "once")).toHaveLength(1);
});

test("an error that the request itself deserves is repeated too", async () => {
  const key = newKey();
  const first = await post("/api/v1/notes", key, { text: 5 });
  const again = await post("/api/v1/notes", key, { text: 5 });
  expect([first.status, again.status, again.headers.get("idempotent-replayed")]).toEqual([422, 422, "true"]);
});

test("another body or another path under the key is 422", async () => {
  const key = newKey();
  await post("/api/v1/notes", key, { text: "this" });
  const body = await post("/api/v1/notes", key, { text: "that" });
  expect([body.status, await getCode(body)]).toEqual([422, "idempotency_key_reused"]);
  const path = await post("/api/v1/waits", key, { text: "this" });
  expect([path.status, await getCode(path)]).toEqual([422, "idempotency_key_reused"]);
});

test("keys of two people have nothing to do with each other", async () => {
  const key = newKey();
  await post("/api/v1/notes", key, { text: "mine" });
  const other = await post("/api/v1/notes", key, { text: "theirs" }, "bob");
  expect([other.status, ((await other.json()) as { by: string }).by]).toEqual([201, "bob"]);
});

test("20 at once with one key: one runs, the others get 409, and later its response", async () => {
  const key = newKey();
  const before = server.state.entered;
  const all = Array.from({ length: 20 }, () => post("/api/v1/waits", key, {}));
  const early = await Promise.all(all.map((one) => Promise.race([one, entered(before + 1).then(() => null)])));
  expect(early.length).toBe(20);
  server.state.gate.resolve();
  const responses = await Promise.all(all);
  const ran = responses.filter(({ status, headers }) => status === 200 && !headers.has("idempotent-replayed"));
  expect(ran).toHaveLength(1);
  expect(server.state.entered).toBe(before + 1);
  for (const response of responses.filter(({ status }) => status !== 200)) {
    expect([response.status, response.headers.get("retry-after"), await getCode(response)]).toEqual([
      409,
      "1",
      "idempotency_in_progress",
    ]);
  }
  const later = await post("/api/v1/waits", key, {});
  expect([later.status, later.headers.get("idempotent-replayed")]).toEqual([200, "true"]);
});

test("a failure that proves that nothing was done releases the key: the next try runs", async () => {
  const key = newKey();
  const before = server.state.entered;
  server.state.failure = new AppError("unavailable", "The server is overloaded right now.");
  for (let n = 0; n < 2; n++) expect((await post("/api/v1/breaks", key, {})).status).toBe(503);
  server.state.failure = await server.sql`SELECT 1 / 0`.then(
    () => new Error("PostgreSQL divided by zero"),
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  expect((await post("/api/v1/breaks", key, {})).status).toBe(500);
  expect(server.state.entered).toBe(before + 3);
});

test("after a failure that leaves open what was done, the request does not run again before the lease ends", async () => {
  const lost = new ConnectionLost(new Error("The connection was lost."));
  for (const [failure, status] of [
    [new Error("a defect after the commit"), 500],
    [lost, 503],
  ] as const) {
    const key = newKey();
    const before = server.state.entered;
    server.state.failure = failure;
    expect((await post("/api/v1/breaks", key, {})).status).toBe(status);
    const again = await post("/api/v1/breaks", key, {});
    expect([again.status, await getCode(again)]).toEqual([409, "idempotency_in_progress"]);
    expect(server.state.entered).toBe(before + 1);
    await server.sql`update idempotency_keys set lease_until = now() - interval '1 s'`;
    expect((await post("/api/v1/breaks", key, {})).status).toBe(status);
  }
});

test("a crash in the middle blocks the key no longer than its lease, and a late survivor changes nothing", async () => {
  const store = server.idempotency;
  const key = { actor: "user:ann", keyHash: Buffer.from(newKey()) };
  const request = Buffer.from("request");
  const first = await store.claim(key, request);
  expect(first).toEqual({ state: "claimed", attempt: 1 });
  expect(await store.claim(key, request)).toEqual({ state: "running" });
  await server.sql`update idempotency_keys set lease_until = now() - interval '1 s' where key_hash = ${key.keyHash}`;
  expect(await store.claim(key, Buffer.from("other"))).toEqual({ state: "mismatch" });
  const claims = await Promise.all([store.claim(key, request), store.claim(key, request), store.claim(key, request)]);
  expect(claims.filter(({ state }) => state === "claimed")).toEqual([{ state: "claimed", attempt: 2 }]);
  await store.saveResult(key, 1, Buffer.from("late"));
  expect(await store.claim(key, request)).toEqual({ state: "running" });
  await store.release(key, 1);
  // That the second failed does not prove that the first did.
  await store.release(key, 2);
  expect(await store.claim(key, request)).toEqual({ state: "claimed", attempt: 3 });
  await store.saveResult(key, 3, Buffer.from("result"));
  expect(await store.claim(key, request)).toMatchObject({ state: "done", result: Buffer.from("result") });
});

test("after 24 hours the key is free again and the sweep removes the row", async () => {
  const store = server.idempotency;
  const key = { actor: "user:ann", keyHash: Buffer.from(newKey()) };
  await store.claim(key, Buffer.from("a"));
  await store.saveResult(key, 1, Buffer.from("result"));
  await server.sql`update idempotency_keys set created_at = now() - interval '25 hours' where key_hash = ${key.keyHash}`;
  expect((await store.claim(key, Buffer.from("b"))).state).toBe("claimed");
  await server.sql`update idempotency_keys set created_at = now() - interval '25 hours' where key_hash = ${key.keyHash}`;
  expect(await store.sweep()).toBe(1);
});

test("neither the key nor the response can be read from the table", async () => {
  const key = "a-secret-key";
  await post("/api/v1/notes", key, { text: "a secret response" });
  const rows = await server.sql<{ all: Uint8Array }[]>`
    select convert_to(actor, 'UTF8') || key_hash || request_hash || coalesce(answer, '') as all from idempotency_keys`;
  const stored = rows.map(({ all }) => Buffer.from(all).toString("latin1")).join();
  expect(stored).toContain("user:ann");
  expect(stored).not.toContain(key);
  expect(stored).not.toContain("a secret response");
});

test("a key of no or too many characters is refused", async () => {
  expect((await post("/api/v1/notes", "x".repeat(256), { text: "a" })).status).toBe(400);
});

/** Resolves when the slow route has been entered as often as that. */
async function entered(times: number): Promise<void> {
  while (server.state.entered < times) await Bun.sleep(5);
}

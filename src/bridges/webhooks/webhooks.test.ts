import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { AS_ADMIN, startWebhookNode, type WebhookNode } from "../../../tests/support/webhook-node.ts";
import { verify, WebhookReceiver } from "../../../tests/support/webhook-receiver.ts";
import { SCHEDULE_MS } from "./schedule.ts";

let database: TestDatabase;
let node: WebhookNode;
let receiver: WebhookReceiver;
const DAY = 24 * 3_600;

beforeAll(async () => {
  database = await testDatabase();
  node = await startWebhookNode(database.url, { random: () => 0.5 });
  receiver = new WebhookReceiver();
});
afterEach(async () => {
  for (const { id } of await node.webhooks.endpoints.list()) await node.webhooks.endpoints.remove(AS_ADMIN, id);
  receiver.received.length = 0;
  receiver.respond = () => new Response(null, { status: 204 });
});
afterAll(async () => {
  await node.stop();
  await receiver.close();
  await database.close();
});

const fail =
  (status: number, headers = {}) =>
  () =>
    new Response("no\0t now", { status, headers });

function deliveries(endpointId: string) {
  return node.webhooks.deliveries.list(endpointId, { limit: 100 }).then(({ data }) => data);
}

/** The endpoint's only delivery, once it is as expected. */
function delivery(endpointId: string, wanted: { status: string; attempts?: number }) {
  return waitUntil(`the delivery is ${JSON.stringify(wanted)}`, async () => {
    const [one] = await deliveries(endpointId);
    // A lease ends 30 s from now and the last attempt is stored when it is over.
    const ended =
      one !== undefined && one.attempts === (await node.webhooks.deliveries.get(AS_ADMIN, one.id)).log.length;
    const fits = one?.status === wanted.status && (wanted.attempts === undefined || one.attempts === wanted.attempts);
    return fits && ended ? node.webhooks.deliveries.get(AS_ADMIN, one.id) : null;
  });
}

/** Makes it due, as if the time had passed. */
const hurry = async () => {
  await node.sql`UPDATE webhook_deliveries SET next_attempt_at = clock_timestamp() WHERE next_attempt_at IS NOT NULL`;
  await node.sql`UPDATE webhook_endpoints SET paused_until = NULL`;
};

test("an entry is posted once, signed, to the endpoints that accept its type and its room", async () => {
  const { id, secret } = await node.endpoint({ url: `${receiver.url}/all?key=1` });
  await node.endpoint({ url: `${receiver.url}/some`, event_types: ["booking:*"], rooms: ["event:7*"] });
  await node.endpoint({ url: `${receiver.url}/none`, event_types: ["message:created"] });
  await node.log("_internal", "session:ended", { id: 1 });
  await node.log("event:8", "booking:made", { n: 1 });
  await node.log("event:71", "booking:made", { n: 2, room: "theirs" });
  await waitUntil("three arrived", () => receiver.received.length === 3);
  expect(receiver.at("/some").map(({ body }) => body.data)).toEqual([
    { room: "event:71", seq: 1, epoch: node.epoch.current(), n: 2 },
  ]);
  const [first] = receiver.at("/all");
  verify(first!, secret);
  expect(() => verify(first!, `whsec_${btoa("another secret of some length")}`)).toThrow();
  expect(() => verify({ ...first!, text: first!.text.replace('"n":1', '"n":2') }, secret)).toThrow();
  expect(first!.headers).toMatchObject({ "content-type": "application/json", "user-agent": "Usher/test" });
  expect(first!.id).toMatch(/^msg_[\w-]{27}$/);
  expect(first!.body).toMatchObject({ type: "booking:made", data: { room: "event:8", seq: 1, n: 1 } });
  expect(Math.abs(Date.parse(first!.body.timestamp) - Date.now())).toBeLessThan(60_000);
  expect(new Set(receiver.received.map((event) => event.id)).size).toBe(3);
  const done = await delivery(id, { status: "delivered" });
  expect(done.log).toMatchObject([{ n: 1, response_status: 204, error: null, response_preview: "" }]);
  const [row] = await node.sql`SELECT count(*)::int AS n FROM webhook_deliveries WHERE room LIKE '\\_%'`;
  expect(row!.n).toBe(0);
});

test("the other nodes, of which one may be the worker, are notified when an admin makes a delivery due", async () => {
  let notifications = 0;
  const other = await startWebhookNode(database.url, { wakeOthers: () => notifications++ });
  try {
    const { id } = await other.endpoint({ url: `${receiver.url}/due`, event_types: ["none:such"] });
    const before = notifications;
    const delivery = await other.webhooks.endpoints.test(AS_ADMIN, id, "webhook:test");
    expect(notifications).toBe(before + 1);
    await waitUntil("it came", () => receiver.at("/due").length === 1);
    await waitUntil(
      "its end is stored",
      async () => (await other.webhooks.deliveries.get(AS_ADMIN, delivery)).status === "delivered",
    );
    await other.webhooks.deliveries.redeliver(AS_ADMIN, delivery);
    expect(notifications).toBe(before + 2);
  } finally {
    await other.stop();
  }
});

test("a failure is retried by the schedule, then given up; redelivery starts again under the same id", async () => {
  receiver.respond = fail(500);
  const { id } = await node.endpoint({ url: receiver.url });
  await node.log("event:1", "test", {});
  for (let n = 1; n <= SCHEDULE_MS.length; n++) {
    const { next_attempt_at, log } = await delivery(id, { status: "pending", attempts: n });
    expect(Date.parse(next_attempt_at!) - Date.parse(log.at(-1)!.at)).toBe(SCHEDULE_MS[n - 1]!);
    expect(log.at(-1)).toMatchObject({ n, response_status: 500, response_preview: "not now" });
    await hurry();
    await node.webhooks.endpoints.change(AS_ADMIN, id, {});
  }
  const dead = await delivery(id, { status: "failed", attempts: SCHEDULE_MS.length + 1 });
  expect([dead.next_attempt_at, receiver.received.length]).toEqual([null, 13]);
  expect(SCHEDULE_MS.reduce((sum, ms) => sum + ms, 0) / 3_600_000).toBeCloseTo(71.7, 1);

  receiver.respond = () => new Response("ok");
  await node.webhooks.deliveries.redeliver(AS_ADMIN, dead.id);
  await delivery(id, { status: "delivered", attempts: 14 });
  await node.webhooks.deliveries.redeliver(AS_ADMIN, dead.id);
  await delivery(id, { status: "delivered", attempts: 15 });
  expect(new Set(receiver.received.map((event) => event.id)).size).toBe(1);
});

test("all that failed since a time is sent again at once, and what failed before is not", async () => {
  const { id } = await node.endpoint({ url: receiver.url });
  for (const n of [1, 2, 3]) await node.log("event:2", "test", { n });
  await waitUntil(
    "all are done",
    async () => (await deliveries(id)).filter((d) => d.status === "delivered").length === 3,
  );
  await node.sql`UPDATE webhook_deliveries SET status = 'failed'`;
  await node.sql`UPDATE webhook_deliveries SET occurred_at = '2020-01-01' WHERE seq = 1`;
  expect(await node.webhooks.deliveries.replay(AS_ADMIN, id, new Date("2021-01-01"))).toBe(2);
  await waitUntil("two came again", () => receiver.received.length === 5);
  expect(
    receiver.received
      .slice(3)
      .map(({ body }) => body.data.n)
      .sort(),
  ).toEqual([2, 3]);
  expect(await node.webhooks.deliveries.list(id, { status: "failed", limit: 10 })).toMatchObject({
    data: [{ seq: 1 }],
  });
  const audit = await node.sql`SELECT detail FROM audit WHERE action = 'webhook:redelivered' ORDER BY id DESC LIMIT 1`;
  expect(audit[0]!.detail).toMatchObject({ count: 2 });
});

test("Retry-After is waited for, and pauses the whole endpoint when it is busy", async () => {
  receiver.respond = fail(429, { "retry-after": "120" });
  const { id } = await node.endpoint({ url: receiver.url });
  await node.log("event:3", "test", {});
  const { next_attempt_at, log } = await delivery(id, { status: "pending", attempts: 1 });
  expect(Date.parse(next_attempt_at!) - Date.parse(log[0]!.at)).toBe(120_000);
  await node.log("event:3", "test", {});
  await waitUntil("the next is recorded", async () => (await deliveries(id)).length === 2);
  await node.webhooks.endpoints.change(AS_ADMIN, id, { description: "looked at" });
  expect((await deliveries(id))[0]!.attempts).toBe(0);
  receiver.respond = () => new Response();
  await hurry();
  await waitUntil("both are done", async () => (await deliveries(id)).every((d) => d.status === "delivered"));
});

test("410 disables the endpoint; later entries are not recorded, waiting deliveries continue when it is enabled", async () => {
  const { id } = await node.endpoint({ url: receiver.url, ordered: true });
  let release = (_: Response) => {};
  receiver.respond = () => new Promise((resolve) => (release = resolve));
  await node.log("event:4", "test", { n: 1 });
  await node.log("event:4", "test", { n: 2 });
  await waitUntil(
    "both are recorded, one is in flight",
    async () => (await deliveries(id)).length === 2 && receiver.received.length === 1,
  );
  release(new Response("gone", { status: 410 }));
  await waitUntil("it is disabled", async () => (await node.webhooks.endpoints.get(id)).disabled_reason === "gone");
  expect(node.warnings).toContainEqual({ endpoint: id, reason: "gone" });
  const other = await node.endpoint({ url: `${receiver.url}/other` });
  receiver.respond = () => new Response();
  await node.log("event:4", "test", { n: 3 });
  await delivery(other.id, { status: "delivered" });
  expect((await deliveries(id)).map((d) => d.status)).toEqual(["pending", "failed"]);
  await node.webhooks.endpoints.change(AS_ADMIN, id, { disabled: false });
  await waitUntil("the second came", () => receiver.at("/").some(({ body }) => body.data.n === 2));
  expect(receiver.at("/").map(({ body }) => body.data.n)).toEqual([1, 2]);
});

test("an endpoint that only failed for five days is disabled; one success clears its failures", async () => {
  receiver.respond = fail(503);
  const { id } = await node.endpoint({ url: receiver.url });
  await node.log("event:5", "test", {});
  await delivery(id, { status: "pending", attempts: 1 });
  expect((await node.webhooks.endpoints.get(id)).failing_since).not.toBeNull();
  receiver.respond = () => new Response();
  await hurry();
  await delivery(id, { status: "delivered" });
  expect((await node.webhooks.endpoints.get(id)).failing_since).toBeNull();

  receiver.respond = fail(503);
  await node.sql`UPDATE webhook_endpoints SET failing_since = clock_timestamp() - ${6 * DAY} * interval '1 second'`;
  await node.log("event:5", "test", {});
  await waitUntil("it is disabled", async () => (await node.webhooks.endpoints.get(id)).disabled_reason === "failing");
});

test("a response that arrives after the lease, when another node has claimed the delivery, is ignored", async () => {
  const pending: ((response: Response) => void)[] = [];
  receiver.respond = () => new Promise((resolve) => pending.push(resolve));
  const { id } = await node.endpoint({ url: receiver.url });
  await node.log("event:12", "test", {});
  await waitUntil("the first attempt is in flight", () => pending.length === 1);
  await hurry();
  await waitUntil("it was claimed again", () => pending.length === 2);
  pending[0]!(new Response(null, { status: 410 }));
  await waitUntil("the late response was received", async () => (await node.webhooks.endpoints.get(id)).disabled);
  await node.webhooks.endpoints.change(AS_ADMIN, id, { disabled: false });
  expect((await deliveries(id))[0]).toMatchObject({ status: "pending", attempts: 2, response_status: null });
  pending[1]!(new Response());
  await waitUntil("it is delivered", async () => (await deliveries(id))[0]!.status === "delivered");
  const { log } = await node.webhooks.deliveries.get(AS_ADMIN, (await deliveries(id))[0]!.id);
  expect(log.map(({ n, response_status }) => [n, response_status])).toEqual([[2, 200]]);
});

test("redirects are not followed, and only 1 kB of a response is read", async () => {
  receiver.respond = ({ path }) =>
    path === "/moved"
      ? Response.redirect(`${receiver.url}/elsewhere`)
      : new Response("x".repeat(1_000_000), { status: 400 });
  const moved = await node.endpoint({ url: `${receiver.url}/moved` });
  const long = await node.endpoint({ url: `${receiver.url}/long` });
  await node.log("event:6", "test", {});
  expect((await delivery(moved.id, { status: "pending", attempts: 1 })).response_status).toBe(302);
  expect((await delivery(long.id, { status: "pending", attempts: 1 })).log[0]!.response_preview).toBe(
    "x".repeat(1_024),
  );
  expect(receiver.at("/elsewhere")).toEqual([]);
});

test("no response is a failure with its reason", async () => {
  const { id } = await node.endpoint({ url: "http://127.0.0.1:1/closed" });
  await node.log("event:7", "test", {});
  const { log } = await delivery(id, { status: "pending", attempts: 1 });
  expect(log[0]).toMatchObject({ response_status: null, response_preview: null });
  expect(log[0]!.error).toContain("ECONNREFUSED");
});

test("a new secret signs together with the old one, then alone", async () => {
  const { id, secret: old } = await node.endpoint({ url: receiver.url });
  const { secret: next } = await node.webhooks.endpoints.rotateSecret(AS_ADMIN, id, 60_000);
  await node.webhooks.endpoints.test(AS_ADMIN, id, "webhook:test");
  await waitUntil("it came", () => receiver.received.length === 1);
  const [first] = receiver.received;
  expect(first!.body).toMatchObject({ type: "webhook:test", data: { test: true } });
  expect(first!.headers["webhook-signature"]!.split(" ")).toHaveLength(2);
  verify(first!, old);
  verify(first!, next);
  await node.sql`UPDATE webhook_endpoints SET old_secret_until = clock_timestamp()`;
  await node.webhooks.endpoints.test(AS_ADMIN, id, "webhook:test");
  await waitUntil("it came", () => receiver.received.length === 2);
  verify(receiver.received[1]!, next);
  expect(() => verify(receiver.received[1]!, old)).toThrow();
  const { secret: last } = await node.webhooks.endpoints.rotateSecret(AS_ADMIN, id, 0);
  await node.webhooks.endpoints.test(AS_ADMIN, id, "webhook:test");
  await waitUntil("it came", () => receiver.received.length === 3);
  expect(receiver.received[2]!.headers["webhook-signature"]!.split(" ")).toHaveLength(1);
  verify(receiver.received[2]!, last);
  for (const shown of [await node.webhooks.endpoints.get(id), await node.webhooks.endpoints.list()]) {
    expect(JSON.stringify(shown)).not.toContain("whsec_");
  }
});

test("a receiver that hangs does not delay the others, and has at most 20 attempts in flight", async () => {
  const release = Promise.withResolvers<void>();
  receiver.respond = async ({ path }) => {
    if (path === "/slow") await release.promise;
    return new Response();
  };
  const slow = await node.endpoint({ url: `${receiver.url}/slow` });
  await node.endpoint({ url: `${receiver.url}/quick` });
  for (let i = 0; i < 60; i++) await node.log("event:9", "test", { i });
  await waitUntil("the quick one has all", () => receiver.at("/quick").length === 60);
  await waitUntil("the slow one has the maximum in flight", () => receiver.at("/slow").length >= 20);
  const [row] =
    await node.sql`SELECT count(*)::int AS n FROM webhook_deliveries WHERE endpoint_id = ${slow.id} AND attempts > 0`;
  expect([row!.n, receiver.at("/slow").length]).toEqual([20, 20]);
  release.resolve();
  await waitUntil("the slow one has all", () => receiver.at("/slow").length === 60);
});

test("a copy of a message loses its text when the message does, and a person's name when they are erased", async () => {
  const release = Promise.withResolvers<void>();
  receiver.respond = () => release.promise.then(() => new Response(null, { status: 500 }));
  const { id } = await node.endpoint({ url: receiver.url });
  const payload = (n: string) => ({ message_id: n, user_id: "77", username: "ann", content: "secret words" });
  await node.log("channel:1", "message:created", payload("101"));
  await node.log("channel:1", "message:created", payload("102"));
  await node.log("channel:1", "member:joined", { user_id: "77", username: "ann" });
  await waitUntil("all came", () => receiver.received.length === 3);
  // As chat does it: the older entries are rewritten, and the log no longer has the second.
  const rewrite = (seq: number, text: string) =>
    node.sql`UPDATE log SET payload = ${text} FROM rooms r WHERE r.id = room_id AND r.name = 'channel:1' AND seq = ${seq}`;
  await rewrite(1, JSON.stringify({ message_id: "101", content: "" }));
  await node.sql`DELETE FROM log USING rooms r WHERE r.id = room_id AND r.name = 'channel:1' AND seq = 2`;
  for (const message_id of ["101", "102"]) await node.log("channel:1", "message:deleted", { message_id });
  const payloads = async () =>
    (await node.sql`SELECT payload FROM webhook_deliveries WHERE endpoint_id = ${id} ORDER BY seq`).map(
      (row) => row.payload,
    );
  await waitUntil("the deletions are recorded", async () => (await payloads()).length === 5);
  expect((await payloads()).slice(0, 3)).toEqual([
    '{"message_id":"101","content":""}',
    '{"message_id":"102"}',
    '{"user_id":"77","username":"ann"}',
  ]);
  await rewrite(3, '{"user_id":"77","username":"gone-77"}');
  await node.webhooks.erase("77");
  expect((await payloads()).join()).not.toContain("ann");
  release.resolve();
});

test("ended deliveries are removed after days, and what waits for a disabled endpoint is given up", async () => {
  const { id } = await node.endpoint({ url: receiver.url, ordered: true });
  for (let i = 0; i < 6; i++) await node.log("event:10", "test", { i });
  await waitUntil(
    "all are done",
    async () => (await deliveries(id)).filter((d) => d.status === "delivered").length === 6,
  );
  const age = (seq: number, status: string, days: number) => node.sql`
    UPDATE webhook_deliveries SET status = ${status}, ended_at = clock_timestamp() - ${days * DAY}::int * interval '1 second' WHERE seq = ${seq}`;
  await age(1, "delivered", 2);
  await age(2, "delivered", 4);
  await age(3, "failed", 13);
  await age(4, "failed", 15);
  await node.webhooks.endpoints.change(AS_ADMIN, id, { disabled: true });
  await node.sql`UPDATE webhook_deliveries SET status = 'pending', ended_at = NULL WHERE seq > 4`;
  await node.webhooks.sweep();
  expect((await deliveries(id)).map((d) => [d.seq, d.status])).toEqual([
    [6, "pending"],
    [5, "pending"],
    [3, "failed"],
    [1, "delivered"],
  ]);
  await node.sql`UPDATE webhook_endpoints SET disabled_at = clock_timestamp() - ${4 * DAY}::int * interval '1 second'`;
  await node.webhooks.sweep();
  expect((await deliveries(id)).map((d) => d.status)).toEqual(["failed", "failed", "failed", "delivered"]);
});

test("a backlog of 10,000 drains, each once", async () => {
  const { id } = await node.endpoint({ url: receiver.url });
  await node.webhooks.endpoints.change(AS_ADMIN, id, { disabled: true });
  await node.sql`
    INSERT INTO webhook_deliveries (endpoint_id, webhook_id, event_type, room, seq, epoch, payload, occurred_at, in_order, next_attempt_at)
    SELECT ${id}::bigint, 'msg_' || n, 'test', 'event:11', n, 'e', '{}', clock_timestamp(), false, clock_timestamp() FROM generate_series(1, 10000) n`;
  const began = performance.now();
  await node.webhooks.endpoints.change(AS_ADMIN, id, { disabled: false });
  // As long as more arrive, it drains; a busy machine may need long.
  for (let before = -1; receiver.received.length < 10_000; ) {
    expect(receiver.received.length).toBeGreaterThan(before);
    before = receiver.received.length;
    await waitUntil("more arrived", () => receiver.received.length > before);
  }
  console.log(`webhooks: a backlog of 10,000 drained in ${Math.round(performance.now() - began)} ms`);
  expect(new Set(receiver.received.map((event) => event.id)).size).toBe(10_000);
  expect(receiver.received.length).toBe(10_000);
}, 300_000);

test("the metrics are there from the start, and count", async () => {
  const text = await node.registry.metrics();
  expect(text).toMatch(/^usher_webhook_attempts_total\{outcome="delivered"\} [1-9]/m);
  expect(text).toContain('usher_webhook_attempts_total{outcome="not_public"} 0');
  expect(text).toMatch(/^usher_webhook_failed_total [1-9]/m);
  expect(text).toMatch(/^usher_webhook_first_attempt_seconds_count [1-9]/m);
  expect(text).toContain("usher_webhook_pending 0");
});

test("a waiting delivery is checked against the endpoint's present rooms and types, also when it is sent again", async () => {
  receiver.respond = fail(500);
  const { id } = await node.endpoint({ url: `${receiver.url}/owners` });
  await node.log("channel:1", "message:created", { content: "private" });
  await node.log("event:1", "booking:made", { n: 1 });
  await node.log("event:1", "seat:sold", { n: 2 });
  await waitUntil("each was tried once", async () => {
    const all = await deliveries(id);
    return (
      all.length === 3 && all.every(({ status, response_status }) => status === "pending" && response_status === 500)
    );
  });
  receiver.respond = () => new Response(null, { status: 204 });
  const url = `${receiver.url}/admins`;
  await node.webhooks.endpoints.change(AS_ADMIN, id, { url, rooms: ["event:*"], event_types: ["booking:*"] });
  await hurry();
  node.webhooks.wake();
  const ended = await waitUntil("all have ended", async () => {
    const all = await deliveries(id);
    return all.every(({ status }) => status !== "pending") ? all : null;
  });
  const [made, message, sold] = ended.sort((a, b) => (a.event_type < b.event_type ? -1 : 1));
  expect([made, message, sold].map((one) => [one?.event_type, one?.status])).toEqual([
    ["booking:made", "delivered"],
    ["message:created", "failed"],
    ["seat:sold", "failed"],
  ]);
  expect(message?.error).toStartWith("The endpoint no longer accepts such events");
  expect(receiver.at("/admins").map(({ body }) => body.type)).toEqual(["booking:made"]);
  expect((await node.webhooks.endpoints.get(id)).failing_since).toBeNull();

  await expect(node.webhooks.deliveries.redeliver(AS_ADMIN, message!.id)).rejects.toMatchObject({ code: "conflict" });
  await node.sql`UPDATE webhook_deliveries SET status = 'failed' WHERE id = ${made!.id}`;
  expect(await node.webhooks.deliveries.replay(AS_ADMIN, id, new Date(0))).toBe(1);
  await waitUntil("it came again", () => receiver.at("/admins").length === 2);
  expect(receiver.at("/admins").every(({ body }) => body.type === "booking:made")).toBe(true);
  await node.webhooks.endpoints.remove(AS_ADMIN, id);
});

test("an entry that cannot be recorded is parked with its reason, and all others are delivered in order", async () => {
  const errors: object[] = [];
  const apart = await testDatabase();
  const own = await startWebhookNode(apart.url, {
    logger: { warn: () => {}, error: (fields) => void errors.push(fields) },
    onError: () => {},
  });
  await own.endpoint({ url: `${receiver.url}/parked`, rooms: ["event:p*"], ordered: true });
  await own.sql.unsafe(`
    CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.event_type = 'poison:x' THEN RAISE EXCEPTION 'not with me'; END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER poison BEFORE INSERT ON webhook_deliveries FOR EACH ROW EXECUTE FUNCTION poison()`);
  try {
    await own.transaction({ actor: "1" }, async (tx) => {
      for (const n of [1, 2, 3]) tx.log("event:p1", "good:x" as never, { n } as never);
      tx.log("event:p1", "poison:x" as never, { n: 4 } as never);
      for (const n of [5, 6]) tx.log("event:p1", "good:x" as never, { n } as never);
    });
    await own.log("event:p2", "good:x", { n: 1 });
    await waitUntil("all others arrived", () => receiver.at("/parked").length === 6);
    const seqs = receiver.at("/parked").flatMap(({ body }) => (body.data.room === "event:p1" ? [body.data.seq] : []));
    expect(seqs).toEqual([1, 2, 3, 5, 6]);
    expect(await own.webhooks.deliveries.parked()).toMatchObject([
      { room: "event:p1", seq: 4, event_type: "poison:x", reason: "not with me" },
    ]);
    expect(await own.registry.metrics()).toContain("usher_webhook_parked 1");
    expect(JSON.stringify(errors)).toContain('"seq":4');
  } finally {
    await own.stop();
    await apart.close();
  }
});

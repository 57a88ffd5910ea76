import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ServerApiApp, startServerApiApp } from "../../tests/support/server-api.ts";
import { openDatabase } from "../platform/postgres/pool.ts";
import { eraseNotices, listNotices } from "./store/notices.ts";

setDefaultTimeout(60_000);

let app: ServerApiApp;
let token: string;

beforeAll(async () => {
  app = await startServerApiApp();
  token = await app.serviceToken(["notify"]);
});
afterAll(() => app.close());

const notice = (userId: string, event_type: string, payload: object, more: object = {}, by = token) =>
  app.request(by, "POST", `/api/v1/users/${userId}/notices`, { event_type, payload, ...more });

test("NT-1 NT-2 a booking's payload is completed, and sent to every device of the person and to no one else", async () => {
  const [phone, laptop, other] = await Promise.all([app.connectAs("ann"), app.connectAs("ann"), app.connectAs("bob")]);
  const response = await notice("ann", "booking:confirmed", {
    booking_id: "b-1",
    total_amount: "100.00",
    currency: null,
  });
  expect([response.status, response.body]).toEqual([
    200,
    { delivered: true, connections_notified: 2, acked: false, stored: true, partial: false },
  ]);
  const frames = await Promise.all([phone.next("booking:confirmed"), laptop.next("booking:confirmed")]);
  for (const frame of frames) {
    expect(frame).toMatchObject({ room: "user:ann", seq: 1 });
    expect(frame.payload).toEqual({
      booking_id: "b-1",
      booking_reference: null,
      event_id: null,
      seat_numbers: [],
      total_amount: "100.00",
      currency: null,
      message: "",
    });
  }
  await other.request("system:ping");
  expect(other.frames.some(({ type }) => type.startsWith("booking:"))).toBe(false);
  for (const client of [phone, laptop, other]) client.close();
});

test("RC-1 a user who was offline gets each notice once, in order, when they come back", async () => {
  const before = await app.connectAs("cem");
  await notice("cem", "payment:processing", { payment_id: "p", booking_id: "b", status: "processing" });
  const seen = await before.next("payment:processing");
  const { epoch } = (await before.request("room:join", { room: "user:cem" })).payload;
  before.close();
  await before.end();
  const away = await notice("cem", "payment:success", { payment_id: "p", booking_id: "b", status: "success" });
  expect(away.body).toMatchObject({ delivered: false, connections_notified: 0, stored: true });
  await notice("cem", "booking:confirmed", { booking_id: "b" });

  const after = await app.connectAs("cem");
  const resumed = await after.request("system:resume", { rooms: { "user:cem": { seq: seen.seq, epoch } } });
  expect(resumed.payload.rooms).toMatchObject({ "user:cem": { seq: 3, recovered: true } });
  await notice("cem", "payment:refunded", { payment_id: "p", booking_id: "b", status: "refunded" });
  await after.next("payment:refunded");
  expect(after.frames.filter(({ seq }) => seq !== undefined).map(({ seq, type }) => [seq, type])).toEqual([
    [2, "payment:success"],
    [3, "booking:confirmed"],
    [4, "payment:refunded"],
  ]);
  after.close();
});

test("an ephemeral notice is not stored, and a queue position is a frame without a seq", async () => {
  const client = await app.connectAs("dan");
  const queue = { event_id: "e", position: 4, estimated_wait: 90, total_in_queue: 100 };
  const response = await notice("dan", "booking:queue_position", queue);
  expect(response.body).toMatchObject({ delivered: true, stored: false });
  const frame = await client.next("booking:queue_position");
  expect([frame.payload, frame.seq]).toEqual([queue, undefined]);
  client.close();
  const history = await app.serviceToken(["history"]);
  expect((await app.request(history, "GET", "/api/v1/rooms/user:dan/history")).body).toMatchObject({ head_seq: 0 });
});

test("FR-7 with require_ack the response waits until a client acknowledges it, and not for a user who is offline", async () => {
  const client = await app.connectAs("eve");
  const pending = notice("eve", "note:new", { text: "hello" }, { require_ack: true });
  const frame = await client.next("note:new");
  expect(Object.keys(frame.payload).sort()).toEqual(["ack_id", "text"]);
  client.send({ type: "system:ack", payload: { ack_id: frame.payload.ack_id } });
  expect((await pending).body).toMatchObject({ delivered: true, acked: true });
  client.close();
  expect((await notice("unknown", "note:new", {}, { require_ack: true })).body).toMatchObject({ acked: false });
});

test("the errors of a notice are listed field by field", async () => {
  const errors = async (response: ReturnType<typeof notice>) => {
    const { status, body } = await response;
    return [status, (body.errors as { pointer: string }[]).map(({ pointer }) => pointer)];
  };
  expect(await errors(notice("x", "booking:confirmed", { total_amount: "free" }))).toEqual([
    422,
    ["/payload/booking_id", "/payload/total_amount"],
  ]);
  expect(await errors(notice("x", "system:bye", {}))).toEqual([422, ["/event_type"]]);
  expect(await errors(notice("x", "channel:joined", {}))).toEqual([422, ["/event_type"]]);
  expect(await errors(notice("x", 'a","seq":1', {}))).toEqual([422, ["/event_type"]]);
  expect((await notice("x%20y", "note:new", {})).status).toBe(404);
  expect((await notice("x", "note:new", { text: "x".repeat(70_000) })).status).toBe(413);
});

test("requests of a service with the same Idempotency-Key are one notice, and keys of two services are independent", async () => {
  const other = await app.serviceToken(["notify"]);
  const body = { event_type: "note:new", payload: { n: 1 } };
  const send = (by: string) =>
    app.request(by, "POST", "/api/v1/users/flo/notices", body, { "idempotency-key": "key-of-the-booking" });
  const responses = [await send(token), await send(token), await send(other)];
  expect(responses.map(({ headers }) => headers.get("idempotent-replayed"))).toEqual([null, "true", null]);
  const history = await app.serviceToken(["history"]);
  expect((await app.request(history, "GET", "/api/v1/rooms/user:flo/history")).body).toMatchObject({ head_seq: 2 });
});

test("notices to a person are exported, and erased with the person; their seqs stay", async () => {
  const { sql, close } = openDatabase(app.databaseUrl, { max: 1 });
  await notice("gil", "booking:confirmed", { booking_id: "b-7" });
  await notice("gil", "note:new", { text: "private" });
  await notice("hal", "note:new", { text: "of another" });
  expect(
    (await listNotices(sql, "gil")).map(({ type, payload }) => [type, payload.text ?? payload.booking_id]),
  ).toEqual([
    ["booking:confirmed", "b-7"],
    ["note:new", "private"],
  ]);
  await eraseNotices(sql, "gil");
  const rows = await sql`SELECT r.name, l.seq, l.payload FROM log l JOIN rooms r ON r.id = l.room_id
    WHERE r.name IN ('user:gil', 'user:hal') ORDER BY r.name, l.seq`;
  expect(rows.map(({ name, seq, payload }) => [name, seq, payload])).toEqual([
    ["user:gil", "1", "{}"],
    ["user:gil", "2", "{}"],
    ["user:hal", "1", '{"text":"of another"}'],
  ]);
  await close();
});

test("NT-2 an entry that a node appended before it died is not appended again when the call is repeated with its key", async () => {
  const broadcaster = await app.serviceToken(["broadcast"]);
  const { sql, close } = openDatabase(app.databaseUrl, { max: 1 });
  const calls = [
    ["user:gus", token, "/api/v1/users/gus/notices"],
    ["event:once", broadcaster, "/api/v1/rooms/event:once/broadcasts"],
  ] as const;
  for (const [room, by, path] of calls) {
    const call = (key: string) =>
      app.request(by, "POST", path, { event_type: "show:began", payload: {} }, { "idempotency-key": key });
    const readStored = () => sql`SELECT l.seq FROM log l JOIN rooms r ON r.id = l.room_id WHERE r.name = ${room}`;
    for (let attempts = 0; attempts < 3; attempts++) {
      const { status, body } = await call(`${room}-1`);
      expect([status, body.stored ?? true]).toEqual([200, true]);
      // The node died between the commit and storing the response, a minute ago.
      await sql`UPDATE idempotency_keys SET answer = NULL, lease_until = clock_timestamp() - interval '1 s'`;
    }
    expect(await readStored()).toHaveLength(1);
    await call(`${room}-2`);
    expect(await readStored()).toHaveLength(2);
  }
  await close();
});

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ServerApiApp, startServerApiApp } from "../../tests/support/server-api.ts";
import { openClient, type WsClient } from "../../tests/support/ws-client.ts";
import { openDatabase } from "../platform/postgres/pool.ts";

setDefaultTimeout(60_000);

let app: ServerApiApp;
let token: string;

beforeAll(async () => {
  app = await startServerApiApp();
  token = await app.serviceToken(["broadcast", "stats", "history"]);
});
afterAll(() => app.close());

const broadcast = (room: string, event_type: string, payload: object, more: object = {}) =>
  app.request(token, "POST", `/api/v1/rooms/${room}/broadcasts`, { event_type, payload, ...more });

async function join(client: WsClient, room: string): Promise<WsClient> {
  expect((await client.request("room:join", { room })).type).toBe("room:joined");
  return client;
}

const anonymous = () => openClient(app.wsPort);

test("FR-5 NT-3 a broadcast to a room is an entry of its log, the same text for all who are in it", async () => {
  const [one, two] = [await join(await app.connectAs("ann"), "event:1"), await join(await anonymous(), "event:1")];
  const seats = { event_id: "1", available: 3, seats: [{ id: "A1", status: "held", v: 2 }] };
  const response = await broadcast("1", "ticket:availability", seats);
  expect([response.status, response.body]).toEqual([200, { recipients: 2, partial: false }]);
  for (const client of [one, two]) {
    expect(await client.next("ticket:availability")).toMatchObject({ room: "event:1", seq: 1, payload: seats });
    client.close();
  }
  const history = await app.request(token, "GET", "/api/v1/rooms/event:1/history");
  expect(history.body).toMatchObject({ head_seq: 1, data: [{ seq: 1, type: "ticket:availability", payload: seats }] });
});

test("FR-6 an excluded user sees neither the frame nor a gap, and is not counted", async () => {
  const [ann, bob] = [
    await join(await app.connectAs("ann"), "event:2"),
    await join(await app.connectAs("bob"), "event:2"),
  ];
  const response = await broadcast("event:2", "chat:typing", { by: "ann" }, { exclude_user_id: "ann" });
  expect(response.body).toEqual({ recipients: 1, partial: false });
  expect((await bob.next("chat:typing")).seq).toBeUndefined();
  await broadcast("event:2", "seat:sold", { seat: "A1" });
  expect((await ann.next("seat:sold")).seq).toBe(1);
  expect(ann.frames.some(({ type }) => type === "chat:typing")).toBe(false);
  for (const client of [ann, bob]) client.close();
});

test("CN-7 the room all reaches every connection, and stores nothing", async () => {
  const clients = await Promise.all([app.connectAs("ann"), anonymous()]);
  expect((await broadcast("all", "notice:maintenance", { at: "22:00" })).body).toMatchObject({ recipients: 2 });
  for (const client of clients) {
    expect((await client.next("notice:maintenance")).seq).toBeUndefined();
    client.close();
  }
});

test("FR-6 a broadcast to the room all does not reach an excluded user", async () => {
  const [ann, bob, guest] = await Promise.all([app.connectAs("ann"), app.connectAs("bob"), anonymous()]);
  await broadcast("all", "notice:hidden", {}, { exclude_user_id: "ann" });
  await broadcast("all", "notice:shown", {});
  for (const client of [ann, bob, guest]) await client.next("notice:shown");
  const saw = (client: WsClient) => client.frames.some(({ type }) => type === "notice:hidden");
  expect([ann, bob, guest].map(saw)).toEqual([false, true, true]);
  for (const client of [ann, bob, guest]) client.close();
});

test("NT-3 only the server sends its own types, and chat's in channels", async () => {
  const statuses = async (room: string, types: string[]) =>
    Promise.all(types.map(async (type) => (await broadcast(room, type, {})).status));
  expect(await statuses("event:3", ["system:bye", "room:left", "x", "message:created"])).toEqual([422, 422, 200, 200]);
  expect(await statuses("channel:3", ["message:created", "member:left", "channel:deleted", "seat:sold"])).toEqual([
    422, 422, 422, 200,
  ]);
  // A name without a kind is an event's: no client reaches the internal rooms of the nodes.
  await broadcast("_service_tokens", "token:changed", {});
  const history = await app.request<{ data: { room: string }[] }>(
    token,
    "GET",
    "/api/v1/rooms/_service_tokens/history",
  );
  expect(history.body.data.map(({ room }) => room)).toEqual(["event:_service_tokens"]);
});

test("the connections of all and of one room are counted by who they are", async () => {
  const clients = [
    await join(await app.connectAs("ann"), "event:7"),
    await join(await anonymous(), "event:7"),
    await anonymous(),
  ];
  const all = (await app.request(token, "GET", "/api/v1/connections/stats")).body;
  expect(all).toMatchObject({ total: 3, authenticated: 1, anonymous: 2, nodes: 1, partial: false });
  expect(all.per_room).toEqual({ "event:7": 2 });
  expect(all.sent).toBeGreaterThan(0);
  const one = (await app.request(token, "GET", "/api/v1/connections/stats?room=event:7")).body;
  expect(one).toMatchObject({ total: 2, authenticated: 1, anonymous: 1, per_room: { "event:7": 2 } });
  for (const client of clients) client.close();
});

test("a room's history comes page by page without a gap, and reports it when it has one", async () => {
  for (let n = 1; n <= 5; n++) await broadcast("event:9", "count:up", { n });
  const page = async (query: string) =>
    (await app.request(token, "GET", `/api/v1/rooms/event:9/history?${query}`)).body;
  const first = await page("limit=3");
  expect((first.data as { seq: number }[]).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(((await page("after=3")).data as { seq: number }[]).map(({ seq }) => seq)).toEqual([4, 5]);
  expect(await page("after=5")).toMatchObject({ data: [], head_seq: 5 });
  const { sql, close } = openDatabase(app.databaseUrl, { max: 1 });
  await sql`DELETE FROM log USING rooms r WHERE r.id = log.room_id AND r.name = 'event:9' AND seq <= 2`;
  await close();
  expect(await page("after=2&limit=3")).toMatchObject({ head_seq: 5 });
  const gone = await app.request(token, "GET", "/api/v1/rooms/event:9/history?after=1");
  expect([gone.status, gone.body.code, gone.body.head_seq]).toEqual([410, "past_retention", 5]);
});

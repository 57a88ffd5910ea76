import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { normalizeRoom, RoomName } from "../../protocol/rooms.ts";
import { type GrpcNode, startGrpcNode, TOKEN } from "../grpc/node.ts";
import { openSse } from "../support/sse-client.ts";
import type { WsClient } from "../support/ws-client.ts";

/** Hostile room names and JSON, at every interface that accepts them, by a service that may do everything. */
setDefaultTimeout(60_000);

let node: GrpcNode;
let person: WsClient;
let sql: Bun.SQL;
beforeAll(async () => {
  node = await startGrpcNode();
  const { token, connect } = await node.person("olga");
  person = await connect();
  await person.next("system:connected");
  sql = new Bun.SQL(node.databaseUrl, { max: 1 });
  // Something to find in an internal room.
  const renamed = await fetch(`${node.url}/api/v1/users/me`, {
    method: "PATCH",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ username: "olga2" }),
  });
  expect(renamed.status).toBe(200);
});
afterAll(async () => {
  person.close();
  await sql.close();
  await node.close();
});

const internal = () => sql`SELECT name, head FROM rooms WHERE starts_with(name, '_') ORDER BY name`.values();

async function request(method: string, path: string, body?: string) {
  const response = await fetch(node.url + path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body,
  });
  return { status: response.status, text: await response.text() };
}

const NAMES = [
  ..."_identity _settings _ __proto__ constructor toString hasOwnProperty event:__proto__ channel:_identity".split(" "),
  ..."user: user:me user:olga event: all all:1 ALL * event:* event:a*b %5fidentity %255fidentity .. event:.. a/b".split(
    " ",
  ),
  ...["", " ", " _identity", "_identity ", "event:1\n", "\n_identity", "event:1\0", "_identity\0", "a,_identity"],
  ...["日本", "🎟", "e\u0301", "\u202eevent:1", "\ufeffall", "event:\ud7ff", "user:olga'--", "<b>", "x".repeat(64)],
  ...["x".repeat(65), "x".repeat(10_000), "event:event:event:1", "undefined", "null", "[object Object]", "-1", "1e9"],
];

test("rooms of every name are ordinary rooms or none, and those of the nodes are out of reach at every interface", async () => {
  const before = await internal();
  expect(before.length).toBeGreaterThan(0);
  const left = [...NAMES];
  const some = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) await tryEverywhere(name);
  };
  await Promise.all(Array.from({ length: 6 }, some));
  expect(await internal()).toEqual(before);
  const names: string[][] = await sql`SELECT name FROM rooms WHERE NOT starts_with(name, '_')`.values();
  expect(names.flat().filter((name) => !RoomName.safeParse(name).success)).toEqual([]);
  expect((await person.request("system:ping")).type).toBe("system:pong");
});

async function tryEverywhere(name: string): Promise<void> {
  const room = normalizeRoom(name);
  const inPath = encodeURIComponent(name);
  const results = await Promise.all([
    request("GET", `/api/v1/rooms/${inPath}/history`),
    request("GET", `/api/v1/rooms/${inPath}/presence`),
    request("GET", `/api/v1/connections/stats?room=${inPath}`),
    request("POST", `/api/v1/rooms/${inPath}/broadcasts`, '{"event_type":"a:b","payload":{}}'),
    request("POST", `/api/v1/users/${inPath}/notices`, '{"event_type":"a:b","payload":{}}'),
  ]);
  for (const { status, text } of results) {
    expect({ name, ok: [200, 400, 403, 404, 405, 422].includes(status), status }).toMatchObject({ ok: true });
    if (status === 200) expect(text).not.toContain('"room":"_');
  }

  const joined = await person.request("room:join", { room: name });
  if (joined.type === "room:joined") expect(String(joined.payload.room)).toBe(room ?? "no room");
  else expect(joined.type).toBe("system:error");
  const resumed = await person.request("system:resume", { rooms: { [name]: { seq: 0, epoch: "" } } });
  const resumedRooms = Object.entries((resumed.payload.rooms ?? {}) as Record<string, { code?: string }>);
  expect(resumedRooms.filter(([each, { code }]) => each !== room && code !== "NOT_FOUND")).toEqual([]);
  await person.request("room:leave", { room: name });

  const query = `rooms=${inPath}&token=${encodeURIComponent(TOKEN)}`;
  const stream = await openSse(`${node.url}/api/v1/stream?${query}`).catch(() => null);
  if (name.trim() === "all")
    stream?.close(); // all are in it: it is none of the stream's own
  else if (stream !== null) {
    const named = Object.keys((await stream.first("system:resumed")).payload.rooms as object);
    expect(named.filter((each) => !RoomName.safeParse(each).success)).toEqual([]);
    stream.close();
  }

  const codes = [0, 3, 5, 7];
  const sent = node.request("realtime.RealtimeService/BroadcastEvent", { event_type: "a:b", room: name });
  expect(codes).toContain(await sent.then(() => 0).catch(({ code }) => code));
  const follow = node.stream("realtime.RealtimeService/Subscribe", { rooms: [{ room: name }] });
  const first = await new Promise<number>((resolve) => {
    follow.call.once("data", () => resolve(0));
    follow.call.once("error", ({ code }: { code: number }) => resolve(code));
  });
  expect(codes).toContain(first);
  if (room === null) expect(first).toBe(3);
  follow.call.cancel();
}

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const arrays = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
const keys = (count: number) => `{${Array.from({ length: count }, (_, n) => `"k${n}":1`).join()}}`;

/** Payloads, and whether one is taken. */
const BOMBS: Record<string, { json: string; taken: boolean }> = {
  "30 levels": { json: nested(30), taken: true },
  "10,000 objects in each other": { json: nested(10_000), taken: false },
  "30,000 lists in each other": { json: arrays(30_000), taken: false },
  "60,000 brackets that never close": { json: `{"a":${"[".repeat(60_000)}}`, taken: false },
  "5,000 keys": { json: keys(5_000), taken: true },
  "the same key 5,000 times": { json: `{${'"a":1,'.repeat(5_000)}"a":2}`, taken: false },
  "a number of 60,000 digits": { json: `{"a":0.${"1".repeat(60_000)}}`, taken: true },
  "a number that no double holds": { json: '{"a":[1e999]}', taken: false },
  "a number of 400 digits before the point": { json: `{"a":${"1".repeat(400)}.5}`, taken: false },
  "a text of 60,000 letters": { json: `{"a":"${"x".repeat(60_000)}"}`, taken: true },
  "a text of 70,000 letters": { json: `{"a":"${"x".repeat(70_000)}"}`, taken: false },
  "escapes that grow": { json: `{"a":"${"\\u0001".repeat(10_000)}"}`, taken: true },
  "the prototype": { json: '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}', taken: true },
};

for (const [name, { json, taken }] of Object.entries(BOMBS)) {
  test(`a payload with ${name} is ${taken ? "taken" : "refused"} by HTTP and by gRPC, and harms no one`, async () => {
    const http = await request(
      "POST",
      "/api/v1/rooms/event:bombs/broadcasts",
      `{"event_type":"a:b","payload":${json}}`,
    );
    expect(taken ? [200] : [400, 413, 422]).toContain(http.status);
    const call = node.request("realtime.RealtimeService/BroadcastEvent", {
      event_type: "a:b",
      room: "event:bombs",
      payload: json,
    });
    expect(taken ? [0] : [3, 8]).toContain(await call.then(() => 0).catch(({ code }) => code));
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect((await person.request("system:ping")).type).toBe("system:pong");
  });
}

test("a body of a megabyte costs no more than its bytes, whatever is in it, and its refusal is short", async () => {
  const bodies = {
    "340,000 objects": { body: `{"username":[${"{},".repeat(340_000)}0],"password":"x"}`, status: 400 },
    "a million brackets": { body: "[".repeat(1_000_000), status: 400 },
    "400,000 lists in each other": { body: "[".repeat(400_000) + "]".repeat(400_000), status: 400 },
    "60,000 fields that there are not": { body: keys(60_000), status: 422 },
  };
  for (const [name, { body, status }] of Object.entries(bodies)) {
    for (const path of ["/api/v1/rooms/event:bombs/broadcasts", "/api/login"]) {
      const result = await request("POST", path, body);
      // The first clients' paths pass over what they do not know.
      expect({ name, path, status: result.status }).toEqual({ name, path, status });
      expect(result.text.length).toBeLessThan(10_000);
    }
  }
});

test("NUL in a payload is refused, in a value as in a name, and of fields that are there twice the last counts", async () => {
  const send = (body: string) => request("POST", "/api/v1/rooms/event:nul/broadcasts", body);
  expect((await send('{"event_type":"a:b","payload":{"a":"\\u0000"}}')).status).toBe(422);
  expect((await send('{"event_type":"a:b","payload":{"\\u0000":"a"}}')).status).toBe(422);
  expect((await send('{"event_type":"a:b","event_type":"system:bye","payload":{}}')).status).toBe(422);
  expect((await send('{"event_type":"a:b","__proto__":{"ephemeral":true},"payload":{}}')).status).toBe(422);
});

test("a number that no double holds is refused at every interface, by name", async () => {
  person.send('{"type":"system:ping","payload":{"n":-1e999}}');
  const frame = await person.next("system:error", ({ payload }) => String(payload.message).includes("1e999"));
  expect(frame.payload).toMatchObject({ code: "PARSE_ERROR", retry: false });
  const http = await request("POST", "/api/v1/users/u/notices", '{"event_type":"a:b","payload":{"n":1e999}}');
  expect(http).toMatchObject({ status: 400, text: expect.stringContaining("The number 1e999 is too large") });
  const call = node.request("realtime.RealtimeService/SendToUser", {
    user_id: "u",
    event_type: "a:b",
    payload: '{"n":1e999}',
  });
  expect(await call.catch((error) => error)).toMatchObject({
    code: 3,
    details: expect.stringContaining("The number 1e999 is too large"),
  });
});

test("frames are bounded in what they hold, and the biggest good one is taken", async () => {
  const rooms = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`event:${n}`, { seq: 0, epoch: "e", presence: true }]));
  const resumed = await person.request("system:resume", { rooms: rooms(1_000) });
  expect(resumed.type).toBe("system:resumed");
  for (const [type, value] of Object.entries({ objects: "{}", lists: "[]", numbers: "0" })) {
    const before = person.frames.length;
    person.send(`{"type":"system:ping","id":1,"payload":{"${type}":[${`${value},`.repeat(15_000)}0]}}`);
    const refused = await person.next("system:error", (frame) => person.frames.indexOf(frame) >= before);
    expect(refused.payload).toMatchObject({ code: "PARSE_ERROR", message: "Send at most 8192 values." });
  }
});

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { status } from "@grpc/grpc-js";
import { ALL_SCOPES, type Scope } from "../../src/platform/scopes.ts";
import { type GrpcNode, refusal, startGrpcNode } from "./node.ts";

/** Every method that services have, against tokens of every scope and of patterns that do and do not cover the room. */
setDefaultTimeout(60_000);

const REALTIME = "realtime.RealtimeService";

interface Method {
  name: string;
  scope: Scope;
  request: object;
  /** What a token must cover. */
  room: string;
}

const METHODS: Method[] = [
  {
    name: "NotifyBookingResult",
    scope: "notify",
    request: { user_id: "ann", booking_id: "b-1", success: true },
    room: "user:ann",
  },
  {
    name: "NotifyQueuePosition",
    scope: "notify",
    request: { user_id: "ann", event_id: "7", position: 1, estimated_wait_seconds: 2, total_in_queue: 3 },
    room: "user:ann",
  },
  {
    name: "NotifyPaymentStatus",
    scope: "notify",
    request: { user_id: "ann", booking_id: "b-1", payment_id: "p-1", status: "PAYMENT_STATUS_SUCCESS" },
    room: "user:ann",
  },
  { name: "SendToUser", scope: "notify", request: { user_id: "ann", event_type: "a:b" }, room: "user:ann" },
  { name: "BroadcastEvent", scope: "broadcast", request: { room: "event:7", event_type: "a:b" }, room: "event:7" },
  { name: "GetConnectionStats", scope: "stats", request: { room: "event:7" }, room: "event:7" },
  { name: "Subscribe", scope: "subscribe", request: { rooms: [{ room: "event:7" }] }, room: "event:7" },
];

let node: GrpcNode;
let owner: string;
let sql: Bun.SQL;
beforeAll(async () => {
  node = await startGrpcNode();
  owner = (await node.person("olga")).token;
  sql = new Bun.SQL(node.databaseUrl, { max: 1 });
});
afterAll(async () => {
  await sql.close();
  await node.close();
});

async function tokenFor(scopes: readonly Scope[], rooms: string[]): Promise<string> {
  const made = await fetch(`${node.url}/api/v1/service-tokens`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${owner}` },
    body: JSON.stringify({ name: "test", scopes, rooms }),
  });
  expect(made.status).toBe(201);
  return ((await made.json()) as { token: string }).token;
}

/** The status that a call ends with; a stream's is OK when its first frame comes. */
async function getStatus({ name, request }: Method, token: string | null): Promise<number> {
  if (name !== "Subscribe") {
    const call = node.request(`${REALTIME}/${name}`, request, { token });
    return call.then(() => status.OK).catch(({ code }) => code);
  }
  const { call } = node.stream(`${REALTIME}/Subscribe`, request, { token });
  return new Promise((resolve) => {
    call.once("error", ({ code }: { code: number }) => resolve(code));
    call.once("data", () => {
      resolve(status.OK);
      call.cancel();
    });
  });
}

/** Entries in rooms that are not the nodes' own. */
const written = async () =>
  (
    await sql`SELECT count(*)::int AS n FROM log l JOIN rooms r ON r.id = l.room_id WHERE NOT starts_with(r.name, '_')`
  )[0].n;

/** Patterns that do not cover the room, though nearly. */
const BESIDE = (room: string) => [
  [`${room}7`],
  [`${room.slice(0, -1)}8`],
  ["channel:*", "queue:7"],
  ["all"],
  [`${room}:*`],
];

for (const method of METHODS) {
  const { name, scope, room } = method;
  test(`${name} is for tokens with the scope ${scope} whose patterns cover the room, and PERMISSION_DENIED for others`, async () => {
    const before = await written();
    for (const other of ALL_SCOPES.filter((each) => each !== scope))
      expect([other, await getStatus(method, await tokenFor([other], ["*"]))]).toEqual([
        other,
        status.PERMISSION_DENIED,
      ]);
    for (const rooms of BESIDE(room))
      expect([rooms, await getStatus(method, await tokenFor([scope], rooms))]).toEqual([
        rooms,
        status.PERMISSION_DENIED,
      ]);
    expect(await getStatus(method, owner)).toBe(status.UNAUTHENTICATED);
    expect(await getStatus(method, null)).toBe(status.UNAUTHENTICATED);
    expect(await written()).toBe(before);
    for (const rooms of [[room], [`${room.slice(0, -1)}*`], ["*"], ["all", room]])
      expect([rooms, await getStatus(method, await tokenFor([scope], rooms))]).toEqual([rooms, status.OK]);
  });
}

test("a refusal says which scope or room the token lacks", async () => {
  const [booking] = METHODS;
  const why = async (token: string) =>
    (await refusal(node.request(`${REALTIME}/${booking!.name}`, booking!.request, { token }))).details;
  expect(await why(await tokenFor(["stats"], ["*"]))).toContain("notify");
  expect(await why(await tokenFor(["notify"], ["user:bob"]))).toContain("user:ann");
});

test("one room that is not covered is enough to refuse a subscription, and stats of all rooms need no room", async () => {
  const token = await tokenFor(["subscribe", "stats"], ["event:7"]);
  const rooms = [{ room: "event:7" }, { room: "event:8" }];
  expect(await getStatus({ name: "Subscribe", scope: "subscribe", request: { rooms }, room: "" }, token)).toBe(
    status.PERMISSION_DENIED,
  );
  expect(await getStatus({ name: "GetConnectionStats", scope: "stats", request: {}, room: "" }, token)).toBe(status.OK);
});

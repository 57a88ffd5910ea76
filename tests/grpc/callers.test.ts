import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Caller, fixedProto, goCaller, pythonCaller, run, STUB_TOOLS } from "../support/grpc-stubs.ts";
import { testWith } from "../support/tools.ts";
import { type GrpcNode, startGrpcNode, TOKEN } from "./node.ts";

/** Callers in other languages, by stubs of their own compilers, against a real server. */
const ROOT = join(import.meta.dirname, "../..");
const EXAMPLES = join(ROOT, "examples/callers");
const PROTO = join(ROOT, "protocol/proto/realtime.proto");
const BUILD_MS = 300_000; // the first time, Go compiles its libraries

let node: GrpcNode;
let ann: Awaited<ReturnType<GrpcNode["person"]>>;

beforeAll(async () => {
  node = await startGrpcNode();
  ann = await node.person("ann");
}, 60_000);
afterAll(() => node.close(), 60_000);

/** What a caller printed, by method. */
function parseOutput(out: string): Record<string, unknown> {
  const lines = out.trim().split("\n");
  return Object.fromEntries(lines.map((line) => [line.split(" ")[0], JSON.parse(line.slice(line.indexOf(" ")))]));
}

/** All six methods, for a person with one socket who is also in the room. */
async function callsAllSix(caller: Caller): Promise<void> {
  const room = `event:${crypto.randomUUID()}`;
  const socket = await ann.connect();
  await socket.request("room:join", { room });
  const said = parseOutput(await run(ROOT, [...caller, node.address, TOKEN, ann.id, room]));
  expect(said).toEqual({
    NotifyBookingResult: { delivered: true, active_connections: 1 },
    NotifyQueuePosition: { delivered: true },
    NotifyPaymentStatus: { delivered: true },
    BroadcastEvent: { recipients: 1 },
    SendToUser: { delivered: true, connections_notified: 1 },
    GetConnectionStats: {
      total: 1,
      authenticated: 1,
      anonymous: 0,
      connections_per_room: expect.objectContaining({ [room]: 1 }),
      uptime_seconds: expect.any(String),
      messages_sent_total: expect.any(String),
      messages_received_total: expect.any(String),
    },
  });
  const booking = await socket.next("booking:confirmed");
  expect(booking.payload).toMatchObject({ booking_reference: "B-1", event_id: "7", seat_numbers: ["A1", "A2"] });
  const position = await socket.next("booking:queue_position");
  expect(position.payload).toMatchObject({ position: 12, estimated_wait: 60, total_in_queue: 500 });
  expect((await socket.next("payment:refunded")).payload).toMatchObject({ amount: "100.00", currency: "EUR" });
  expect((await socket.next("seats:changed")).payload).toEqual({ seats: ["A1"] });
  expect((await socket.next("greeting")).payload).toEqual({ text: "Grüße" });
  socket.close();
  await socket.end();
}

const withStubs = testWith(...STUB_TOOLS);

for (const packageName of ["realtime", "realtime.v1"]) {
  withStubs(
    `Go stubs with only the fixed numbers call all six methods of ${packageName}`,
    async () => callsAllSix(await goCaller(packageName, fixedProto(packageName))),
    BUILD_MS,
  );
  withStubs(
    `Python stubs with only the fixed numbers call all six methods of ${packageName}`,
    async () => callsAllSix(await pythonCaller(packageName, fixedProto(packageName))),
    BUILD_MS,
  );
}

/** Runs an example twice: the second time nothing happens, and the response is the first one. */
async function tellsOnce(caller: Caller): Promise<void> {
  const socket = await ann.connect();
  const booking = crypto.randomUUID();
  const env = { USHER: node.address, USHER_TOKEN: TOKEN, USHER_PROTO: PROTO };
  const first = await run(ROOT, [...caller, ann.id, booking], env);
  expect(first.toLowerCase().trim()).toBe("delivered true stored true");
  expect(await run(ROOT, [...caller, ann.id, booking], env)).toBe(first);
  await node.request("realtime.RealtimeService/SendToUser", { user_id: ann.id, event_type: "the:last" });
  await socket.next("the:last");
  expect(socket.frames.filter(({ payload }) => payload?.booking_id === booking)).toHaveLength(1);
  socket.close();
  await socket.end();
}

const published = () => readFileSync(PROTO, "utf8");
withStubs(
  "the example in Go sends a booking once",
  async () => tellsOnce(await goCaller("example", published(), join(EXAMPLES, "go"))),
  BUILD_MS,
);
withStubs(
  "the example in Python sends a booking once",
  async () => tellsOnce(await pythonCaller("example", published(), join(EXAMPLES, "python"))),
  BUILD_MS,
);
testWith("node")("the example in Node sends a booking once", () =>
  tellsOnce(["node", join(EXAMPLES, "node/main.mjs")]),
);

testWith("grpcurl")("grpcurl lists, describes and calls by reflection alone", async () => {
  const grpcurl = (...words: string[]) =>
    run(ROOT, ["grpcurl", "-plaintext", "-H", `authorization: Bearer ${TOKEN}`, ...words]);
  const services = await grpcurl(node.address, "list");
  for (const name of [
    "auth.AuthService",
    "grpc.health.v1.Health",
    "realtime.RealtimeService",
    "realtime.v1.RealtimeService",
  ]) {
    expect(services.split("\n")).toContain(name);
    expect(await grpcurl(node.address, "describe", name)).toContain("rpc ");
  }
  const notice = `{"user_id":"user-uuid","booking_id":"booking-uuid","success":true,"message":"Booking confirmed"}`;
  for (const service of ["realtime.RealtimeService", "realtime.v1.RealtimeService"]) {
    const call = async (method: string, request: string) =>
      JSON.parse(await grpcurl("-emit-defaults", "-d", request, node.address, `${service}/${method}`));
    expect(await call("NotifyBookingResult", notice)).toMatchObject({ delivered: false, stored: true });
    const position = `{"user_id":"user-uuid","event_id":"7","position":1,"estimated_wait_seconds":2,"total_in_queue":3}`;
    expect(await call("NotifyQueuePosition", position)).toMatchObject({ delivered: false });
    const payment = `{"user_id":"user-uuid","booking_id":"b","payment_id":"p","status":"PAYMENT_STATUS_FAILED"}`;
    expect(await call("NotifyPaymentStatus", payment)).toMatchObject({ delivered: false, stored: true });
    const event = `{"event_type":"seats:changed","room":"event:9","payload":"{}"}`;
    expect(await call("BroadcastEvent", event)).toMatchObject({ recipients: 0 });
    const anything = `{"user_id":"user-uuid","event_type":"greeting","payload":"{}"}`;
    expect(await call("SendToUser", anything)).toMatchObject({ connectionsNotified: 0, stored: true });
    expect(await call("GetConnectionStats", "{}")).toMatchObject({ total: 0, partial: false });
  }
  expect(JSON.parse(await grpcurl(node.address, "grpc.health.v1.Health/Check"))).toEqual({ status: "SERVING" });
});

import { afterAll, beforeAll, expect, test } from "bun:test";
import { status } from "@grpc/grpc-js";
import { waitUntil } from "../support/wait-until.ts";
import { type GrpcNode, refusal, startGrpcNode } from "./node.ts";

const REALTIME = "realtime.RealtimeService";
let node: GrpcNode;
let ann: Awaited<ReturnType<GrpcNode["person"]>>;

beforeAll(async () => {
  node = await startGrpcNode();
  ann = await node.person("ann");
}, 60_000);
afterAll(() => node.close(), 60_000);

const booking = (more: object = {}) => ({ user_id: ann.id, booking_id: "b-1", success: true, ...more });

test("a notice reaches the person's socket, and a user who was away when they come back, once", async () => {
  const socket = await ann.connect();
  const joined = await socket.request("room:join", { room: `user:${ann.id}` });
  const { seq, epoch } = joined.payload as { seq: number; epoch: string };
  const now = await node.request(
    `${REALTIME}/NotifyBookingResult`,
    booking({ seat_numbers: ["A1"], total_amount: "100.00" }),
  );
  expect(now).toEqual({ delivered: true, active_connections: 1, stored: true, partial: false });
  const frame = await socket.next("booking:confirmed");
  expect(frame.payload).toMatchObject({
    booking_id: "b-1",
    seat_numbers: ["A1"],
    total_amount: "100.00",
    currency: null,
  });
  socket.close();
  await waitUntil("the socket is gone", async () => {
    const stats = await node.request(`${REALTIME}/GetConnectionStats`, {});
    return stats.total === 0;
  });
  const away = await node.request(`${REALTIME}/NotifyPaymentStatus`, {
    user_id: ann.id,
    booking_id: "b-1",
    payment_id: "p-1",
    status: "PAYMENT_STATUS_SUCCESS",
  });
  expect(away).toEqual({ delivered: false, stored: true, partial: false });
  const back = await ann.connect();
  await back.request("room:join", { room: `user:${ann.id}`, since: seq + 1, epoch });
  const late = await back.next("payment:success");
  expect(late.seq).toBe(seq + 2);
  back.close();
});

test("wrong fields are named: in the sentence, and in google.rpc.BadRequest", async () => {
  const error = await refusal(
    node.request(`${REALTIME}/NotifyBookingResult`, { user_id: "no spaces", seat_numbers: ["x".repeat(65)] }),
  );
  expect(error.code).toBe(status.INVALID_ARGUMENT);
  expect(error.details).toContain("booking_id: is required");
  const details = String(error.metadata.get("grpc-status-details-bin")[0]);
  for (const part of ["google.rpc.BadRequest", "booking_id", "REQUIRED", "user_id", "seat_numbers[0]"]) {
    expect(details).toContain(part);
  }
});

test.each([
  ["NotifyQueuePosition", { event_id: "7", position: -1 }, "position"],
  ["NotifyPaymentStatus", { booking_id: "b", payment_id: "p" }, "status"],
  ["BroadcastEvent", { room: "no room!", event_type: "a:b" }, "room"],
  ["BroadcastEvent", { room: "event:1", event_type: "a:b", exclude_sender: true }, "sender_user_id"],
  ["SendToUser", { event_type: "a:b", payload: "[1]" }, "payload"],
  ["SendToUser", { event_type: "a:b", payload: `{"a":"${"x".repeat(70_000)}"}` }, "payload"],
  ["SendToUser", { event_type: "a:b", payload: "[".repeat(60_000) }, "payload"],
  ["GetConnectionStats", { room: "a b" }, "room"],
])("%s refuses %j by the field %s", async (method, request, field) => {
  const error = await refusal(node.request(`${REALTIME}/${method}`, { user_id: "someone", ...request }));
  expect([error.code, error.details]).toEqual([status.INVALID_ARGUMENT, expect.stringContaining(field)]);
});

test("without a good token nothing is done; health and reflection need none", async () => {
  for (const token of [null, "wrong", "ust_1_xxx"]) {
    const error = await refusal(node.request(`${REALTIME}/GetConnectionStats`, {}, { token }));
    expect(error.code).toBe(status.UNAUTHENTICATED);
  }
  const health = await node.request("grpc.health.v1.Health/Check", { service: REALTIME }, { token: null });
  expect(health).toEqual({ status: "SERVING" });
  const unknown = await refusal(node.request("grpc.health.v1.Health/Check", { service: "other" }, { token: null }));
  expect(unknown.code).toBe(status.NOT_FOUND);
});

test("the same idempotency key does it once; with another request it is refused", async () => {
  const key = { metadata: { "idempotency-key": "key-1" } };
  const request = { user_id: ann.id, event_type: "once:only", payload: '{"n":1}' };
  const before = await history();
  const first = await node.request(`${REALTIME}/SendToUser`, request, key);
  const again = await node.request(`${REALTIME}/SendToUser`, request, key);
  expect(again).toEqual(first);
  expect(await history()).toBe(before + 1);
  const other = await refusal(node.request(`${REALTIME}/SendToUser`, { ...request, payload: '{"n":2}' }, key));
  expect([other.code, other.details]).toEqual([status.INVALID_ARGUMENT, expect.stringContaining("different request")]);
  expect(await history()).toBe(before + 1);
});

/** The head of the person's room. */
async function history(): Promise<number> {
  const socket = await ann.connect();
  const { payload } = await socket.request("room:join", { room: `user:${ann.id}` });
  socket.close();
  return payload.seq as number;
}

test("a call whose deadline has passed ends as such, and a call that waits for an ack gets a response within it", async () => {
  const socket = await ann.connect();
  const request = { user_id: ann.id, event_type: "please:ack", payload: "{}", require_ack: true };
  const result = await node.request(`${REALTIME}/SendToUser`, request, { within: 700 });
  expect(result).toMatchObject({ delivered: true, acked: false, stored: true });
  const late = await refusal(node.request(`${REALTIME}/GetConnectionStats`, {}, { within: -1 }));
  expect(late.code).toBe(status.DEADLINE_EXCEEDED);
  socket.close();
});

test("AuthService: accounts, tokens, and what does not fit", async () => {
  const request = (method: string, message: object, token: string | null = null) =>
    node.request(`auth.AuthService/${method}`, message, { token });
  const up = await request("SignUp", { email: "bob@example.org", username: "bob", password: "correct horse" });
  expect(up.session).toMatchObject({ username: "bob", refresh_token: expect.any(String) });
  const into = await request("SignIn", { email: "bob@example.org", password: "correct horse" });
  const wrong = await refusal(request("SignIn", { username: "bob", password: "wrong" }));
  expect(wrong.code).toBe(status.UNAUTHENTICATED);
  const short = await refusal(request("SignUp", { email: "no-address", username: "c", password: "x" }));
  expect([short.code, short.details]).toEqual([status.INVALID_ARGUMENT, expect.stringContaining("email")]);
  const next = await request("Refresh", { refresh_token: into.session.refresh_token });
  expect(next.expires_in_seconds).toBeGreaterThan(0);
  const issued = await node.request("auth.AuthService/GenerateToken", { email: "bob@example.org" });
  const valid = await node.request("auth.AuthService/ValidateToken", { token: issued.token });
  expect(valid).toMatchObject({ user_id: up.session.user_id, username: "bob" });
  const unknown = await refusal(node.request("auth.AuthService/GenerateToken", { email: "no@example.org" }));
  expect(unknown.code).toBe(status.NOT_FOUND);
  await request("SignOut", { access_token: next.access_token });
  const gone = await refusal(node.request("auth.AuthService/ValidateToken", { token: next.access_token }));
  expect(gone.code).toBe(status.UNAUTHENTICATED);
});

test("calls are counted by method and status", async () => {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  expect(text).toMatch(/realtime_grpc_requests_total\{method="NotifyBookingResult",status="OK"\} [1-9]/);
  expect(text).toMatch(/realtime_grpc_requests_total\{method="NotifyBookingResult",status="INVALID_ARGUMENT"\} [1-9]/);
  expect(text).toMatch(/realtime_grpc_request_duration_seconds_count [1-9]/);
});

test("the definitions are served", async () => {
  const text = await (await fetch(`${node.url}/proto/realtime.proto`)).text();
  expect(text).toContain("rpc NotifyBookingResult");
});

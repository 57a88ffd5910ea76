import { afterAll, beforeAll, expect, test } from "bun:test";
import { status } from "@grpc/grpc-js";
import { waitUntil } from "../support/wait-until.ts";
import { type GrpcNode, refusal, startGrpcNode } from "./node.ts";

const REALTIME = "realtime.RealtimeService";
let node: GrpcNode;

beforeAll(async () => {
  node = await startGrpcNode();
}, 60_000);
afterAll(() => node.close(), 60_000);

const say = (room: string, n: number) =>
  node.request(`${REALTIME}/BroadcastEvent`, { room, event_type: "count:said", payload: JSON.stringify({ n }) });

test("a stream receives its positions and what is sent, and resumes without a gap", async () => {
  const room = "event:resume";
  const first = node.stream(`${REALTIME}/Subscribe`, { rooms: [{ room }] });
  const resumed = await waitUntil("it stands", () => first.received.find(({ type }) => type === "system:resumed"));
  expect(JSON.parse(resumed.payload).rooms[room]).toMatchObject({ seq: 0 });
  expect((await say(room, 1)).recipients).toBe(1);
  const one = await waitUntil("the first came", () => first.received.find(({ type }) => type === "count:said"));
  expect(one).toMatchObject({ room, seq: 1, payload: '{"n":1}' });
  first.call.cancel();
  await waitUntil("the stream is gone", async () => (await say(room, 2)).recipients === 0);
  await say(room, 3);
  const again = node.stream(`${REALTIME}/Subscribe`, { rooms: [{ room, seq: one.seq, epoch: one.epoch }] });
  const missed = await waitUntil("what was missed came", () => {
    const said = again.received.filter(({ type }) => type === "count:said");
    return said.some(({ payload }) => payload === '{"n":3}') ? said : null;
  });
  expect(missed.map(({ seq }) => seq)).toEqual(missed.map((_, place) => 2 + place));
  again.call.cancel();
});

test.each([
  [{ rooms: [] }, status.INVALID_ARGUMENT],
  [{ rooms: [{ room: "no room!" }] }, status.INVALID_ARGUMENT],
  [{ rooms: [{ room: "event:1" }, { room: "1" }] }, status.INVALID_ARGUMENT],
])("Subscribe refuses %j", async (request, code) => {
  const stream = node.stream(`${REALTIME}/Subscribe`, request);
  const error = await waitUntil("it is refused", () => stream.error);
  expect(error.code).toBe(code);
});

test("without a token there is no stream", async () => {
  const stream = node.stream(`${REALTIME}/Subscribe`, { rooms: [{ room: "event:1" }] }, { token: null });
  const error = await waitUntil("it is refused", () => stream.error);
  expect(error.code).toBe(status.UNAUTHENTICATED);
});

test("a reader who is too slow is ended, and can resume where it was", async () => {
  const room = "event:slow";
  const stream = node.stream(`${REALTIME}/Subscribe`, { rooms: [{ room }] });
  await waitUntil("it stands", () => stream.received.find(({ type }) => type === "system:resumed"));
  stream.call.pause();
  const payload = JSON.stringify({ text: "x".repeat(60_000) });
  let sent = 0;
  await waitUntil("the server closed it", async () => {
    const { recipients } = await node.request(`${REALTIME}/BroadcastEvent`, { room, event_type: "much:said", payload });
    sent += 1;
    return recipients === 0;
  });
  expect(sent).toBeGreaterThan(10);
  stream.call.resume();
  const error = await waitUntil("the error came", () => stream.error);
  expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
  const last = stream.received.findLast(({ seq }) => seq > 0);
  const again = node.stream(
    `${REALTIME}/Subscribe`,
    { rooms: [{ room, seq: last.seq, epoch: last.epoch }] },
    { apart: true },
  );
  const resumed = await waitUntil("it is connected again", () =>
    again.received.find(({ type }) => type === "system:resumed"),
  );
  // How much the buffers of both systems took decides whether more than 1 MB is missing, which is not brought back (RC-5).
  const { recovered } = JSON.parse(resumed.payload).rooms[room];
  expect(recovered).toBe((sent - last.seq) * payload.length < 1_048_576);
  if (recovered && sent > last.seq)
    await waitUntil("the rest came", () => again.received.some(({ seq }) => seq === sent));
  const seqs = again.received.filter(({ type }) => type === "much:said").map(({ seq }) => seq);
  expect(seqs).toEqual(seqs.map((_, place) => last.seq + 1 + place));
  again.call.cancel();
});

test("a drain asks streams to come back, reports NOT_SERVING, and ends", async () => {
  const leaving = await startGrpcNode();
  const watch = leaving.stream("grpc.health.v1.Health/Watch", { service: "" }, { token: null });
  const stream = leaving.stream(`${REALTIME}/Subscribe`, { rooms: [{ room: "event:1" }] });
  await waitUntil("both are open", () => watch.received.length > 0 && stream.received.length > 0);
  expect(watch.received).toEqual([{ status: "SERVING" }]);
  await leaving.close();
  await waitUntil("the stream has ended", () => stream.error);
  expect([stream.error?.code, stream.error?.details]).toEqual([
    status.UNAVAILABLE,
    expect.stringContaining("Subscribe again"),
  ]);
  expect(watch.received.at(-1)).toEqual({ status: "NOT_SERVING" });
  expect((await refusal(leaving.request("grpc.health.v1.Health/Check", {}, { within: 500 }))).code).not.toBe(status.OK);
}, 60_000);

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { CONNECTION_PREFACE, DATA, END_HEADERS, frame, HEADERS, headerBlock, openHttp2 } from "../support/raw-http2.ts";
import { openTcp } from "../support/raw-socket.ts";
import { chooseSeed, seeded } from "../support/seeded.ts";
import { type GrpcNode, startGrpcNode, TOKEN } from "./node.ts";

/** Clients that are no gRPC clients: random bytes, invalid frames and messages. The server stays up, and serves all others. */
let node: GrpcNode;

beforeAll(async () => {
  node = await startGrpcNode();
}, 60_000);
afterAll(() => node.close(), 60_000);

afterEach(async () => {
  expect(await node.request("grpc.health.v1.Health/Check", {}, { token: null })).toEqual({ status: "SERVING" });
});

test("random bytes", async () => {
  const random = seeded(chooseSeed("random bytes"));
  const noise = () => Buffer.from(Array.from({ length: random.int(1, 2_000) }, () => random.int(0, 255)));
  const sockets = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const socket = await openTcp(node.port);
      if (random.chance(0.5)) socket.write(CONNECTION_PREFACE);
      for (let n = 0; n < 5; n++) socket.write(noise());
      return socket;
    }),
  );
  await node.request("grpc.health.v1.Health/Check", {}, { token: null });
  for (const socket of sockets) socket.destroy();
});

test("random frames, and random messages in good frames", async () => {
  const random = seeded(chooseSeed("random frames"));
  const some = (max: number) => Buffer.from(Array.from({ length: random.int(0, max) }, () => random.int(0, 255)));
  const message = () => {
    const body = some(200);
    const head = Buffer.alloc(5);
    head[0] = random.chance(0.8) ? 0 : random.int(0, 255);
    head.writeUInt32BE(random.chance(0.8) ? body.length : random.int(0, 2 ** 32 - 1), 1);
    return Buffer.concat([head, body]);
  };
  const methods = ["NotifyBookingResult", "BroadcastEvent", "Subscribe", "SendToUser", "Nothing"];
  for (let n = 0; n < 40; n++) {
    const raw = await openHttp2(node.port);
    for (let stream = 1; stream < 40; stream += 2) {
      if (random.chance(0.5)) {
        const path = `/realtime.RealtimeService/${methods[random.int(0, methods.length - 1)]}`;
        const more: Record<string, string> = random.chance(0.5) ? { authorization: `Bearer ${TOKEN}` } : {};
        raw.write(frame(HEADERS, END_HEADERS, stream, headerBlock(path, more)));
        raw.write(frame(DATA, random.int(0, 1), stream, message()));
      } else raw.write(frame(random.int(0, 12), random.int(0, 255), random.int(0, 50), some(64)));
    }
    raw.destroy();
  }
});

test("a message that is too large is refused before it is read", async () => {
  const payload = JSON.stringify({ text: "x".repeat(300_000) });
  const call = node.request("realtime.RealtimeService/SendToUser", { user_id: "u", event_type: "a:b", payload });
  await expect(call).rejects.toThrow("RESOURCE_EXHAUSTED");
});

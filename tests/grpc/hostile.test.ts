import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { chooseSeed, seeded } from "../support/seeded.ts";
import { waitUntil } from "../support/wait-until.ts";
import { type GrpcNode, startGrpcNode, TOKEN } from "./node.ts";

/** Whoever is no gRPC client: noise, floods, frames that should not be. The server ends him, lives, and answers all others. */
let node: GrpcNode;

beforeAll(async () => {
  node = await startGrpcNode();
}, 60_000);
afterAll(() => node.close(), 60_000);

afterEach(async () => {
  expect(await node.ask("grpc.health.v1.Health/Check", {}, { token: null })).toEqual({ status: "SERVING" });
});

const HELLO = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const HEADERS = 1;
const RESET = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const CONTINUATION = 9;

function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header block (RFC 7541) without Huffman codes or tables: POST, http, a path. */
function block(path: string, more: Record<string, string> = {}): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const pair = (name: string, value: string) => Buffer.concat([Buffer.from([0]), text(name), text(value)]);
  const headers = { "content-type": "application/grpc", te: "trailers", ...more };
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x04]),
    text(path),
    ...Object.entries(headers).map(([name, value]) => pair(name, value)),
  ]);
}

const CALL = block("/realtime.RealtimeService/GetConnectionStats");

interface Raw {
  socket: Socket;
  closed: boolean;
  received(): Buffer;
}

/** A connection that has said hello, and writes what it likes. */
async function open(): Promise<Raw> {
  const socket = connect(node.port, "127.0.0.1");
  const chunks: Buffer[] = [];
  const raw = { socket, closed: false, received: () => Buffer.concat(chunks) };
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  socket.on("close", () => {
    raw.closed = true;
  });
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(Buffer.concat([HELLO, frame(SETTINGS, 0, 0)]));
  return raw;
}

/** The text of the last GOAWAY among what came. */
function farewell(bytes: Buffer): string | null {
  let text: string | null = null;
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes[at + 3] === GOAWAY) text ??= bytes.subarray(at + 17, at + 9 + length).toString();
    at += 9 + length;
  }
  return text;
}

const ended = (raw: Raw) => waitUntil("the server ended it", () => raw.closed);

test("random bytes", async () => {
  const random = seeded(chooseSeed("random bytes"));
  const noise = () => Buffer.from(Array.from({ length: random.int(1, 2_000) }, () => random.int(0, 255)));
  const sockets = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const socket = connect(node.port, "127.0.0.1");
      socket.on("error", () => {});
      await new Promise((resolve) => socket.once("connect", resolve));
      if (random.chance(0.5)) socket.write(HELLO);
      for (let n = 0; n < 5; n++) socket.write(noise());
      return socket;
    }),
  );
  await node.ask("grpc.health.v1.Health/Check", {}, { token: null });
  for (const socket of sockets) socket.destroy();
});

test("random frames, and random messages in good frames", async () => {
  const random = seeded(chooseSeed("random frames"));
  const some = (most: number) => Buffer.from(Array.from({ length: random.int(0, most) }, () => random.int(0, 255)));
  const message = () => {
    const body = some(200);
    const head = Buffer.alloc(5);
    head[0] = random.chance(0.8) ? 0 : random.int(0, 255);
    head.writeUInt32BE(random.chance(0.8) ? body.length : random.int(0, 2 ** 32 - 1), 1);
    return Buffer.concat([head, body]);
  };
  const methods = ["NotifyBookingResult", "BroadcastEvent", "Subscribe", "SendToUser", "Nothing"];
  for (let n = 0; n < 40; n++) {
    const raw = await open();
    for (let stream = 1; stream < 40; stream += 2) {
      if (random.chance(0.5)) {
        const path = `/realtime.RealtimeService/${methods[random.int(0, methods.length - 1)]}`;
        const more: Record<string, string> = random.chance(0.5) ? { authorization: `Bearer ${TOKEN}` } : {};
        raw.socket.write(frame(HEADERS, 4, stream, block(path, more)));
        raw.socket.write(frame(0, random.int(0, 1), stream, message()));
      } else raw.socket.write(frame(random.int(0, 12), random.int(0, 255), random.int(0, 50), some(64)));
    }
    raw.socket.destroy();
  }
});

test("pings beyond what keeps a connection alive end it, with the word that gRPC clients know", async () => {
  const raw = await open();
  for (let n = 0; n < 100; n++) raw.socket.write(frame(PING, 0, 0, Buffer.alloc(8, 1)));
  await ended(raw);
  expect(farewell(raw.received())).toBe("too_many_pings");
});

test("streams that are opened and reset at once (rapid reset)", async () => {
  const raw = await open();
  for (let stream = 1; stream < 20_000 && !raw.closed; stream += 2)
    raw.socket.write(
      Buffer.concat([frame(HEADERS, 4, stream, CALL), frame(RESET, 0, stream, Buffer.from([0, 0, 0, 8]))]),
    );
  await ended(raw);
});

test("thousands of streams at once", async () => {
  const raw = await open();
  for (let stream = 1; stream < 10_000 && !raw.closed; stream += 2) raw.socket.write(frame(HEADERS, 4, stream, CALL));
  await ended(raw);
});

test("headers without an end", async () => {
  const raw = await open();
  raw.socket.write(frame(HEADERS, 0, 1, CALL));
  const filler = Buffer.concat([Buffer.from([0, 1, 0x61, 0x7f, 0x80, 0x3e]), Buffer.alloc(8_063, 0x78)]);
  for (let n = 0; n < 500 && !raw.closed; n++) raw.socket.write(frame(CONTINUATION, 0, 1, filler));
  await ended(raw);
});

test("a message that is too large is refused before it is read", async () => {
  const payload = JSON.stringify({ text: "x".repeat(300_000) });
  const call = node.ask("realtime.RealtimeService/SendToUser", { user_id: "u", event_type: "a:b", payload });
  await expect(call).rejects.toThrow("RESOURCE_EXHAUSTED");
});

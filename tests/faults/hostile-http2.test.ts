import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { NodeProcess } from "../cluster/node-process.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import {
  CONNECTION_PREFACE,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  goawayText,
  grpcMessage,
  HEADERS,
  headerBlock,
  http2Frames,
  openHttp2,
  PING,
  PRIORITY,
  RST_STREAM,
  settings,
  WINDOW_UPDATE,
} from "../support/raw-http2.ts";
import { openTcp, type RawSocket } from "../support/raw-socket.ts";
import { rawSubscribe } from "../support/raw-streams.ts";
import { waitUntil } from "../support/wait-until.ts";

/** HTTP/2 as an attack: floods of frames, requests that never come whole, connections for nothing. The server is a process. */
setDefaultTimeout(60_000);

const TOKEN = "a-token-of-the-tests";
const SOME = 1_024;

let database: TestDatabase;
let node: NodeProcess;
/** A client that has been connected for long, and stays. */
let subscriber: RawSocket;
beforeAll(async () => {
  database = await testDatabase();
  node = await NodeProcess.make({ DATABASE_URL: database.url, ROLES: "api,edge", GRPC_TOKEN: TOKEN });
  await node.start();
  subscriber = await rawSubscribe(node.grpcPort, TOKEN).open("event:1");
  await waitUntil("it is resumed", () => subscriber.received().includes("system:resumed"));
});
afterAll(async () => {
  subscriber.destroy();
  await node.remove();
  await database.close();
});

const STATS = headerBlock("/realtime.RealtimeService/GetConnectionStats", { authorization: `Bearer ${TOKEN}` });
const CHECK = headerBlock("/grpc.health.v1.Health/Check");
const EMPTY = grpcMessage(new Uint8Array());

/** A new client connects, and gets a response. */
async function served(): Promise<void> {
  const socket = await openHttp2(node.grpcPort);
  socket.write(frame(HEADERS, END_HEADERS, 1, CHECK), frame(DATA, END_STREAM, 1, EMPTY));
  const respond = () => http2Frames(socket.received()).some(({ type, stream }) => type === DATA && stream === 1);
  await waitUntil("a neighbour is served", respond);
  socket.destroy();
}
afterEach(async () => {
  await served();
  expect(subscriber.ended).toBe(false);
  expect(http2Frames(subscriber.received()).filter(({ type }) => type === RST_STREAM)).toEqual([]);
});

/** Resident memory of the server in MiB. */
function memory(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.pid}/status`, "utf8"))![1]) / 1_024;
}

/** Writes `part(0)`, `part(1)` … until the server ends it or all are written and taken. */
async function flood(socket: RawSocket, count: number, part: (n: number) => Uint8Array[]): Promise<void> {
  for (let n = 0; n < count && !socket.ended; n += SOME) {
    const parts = Array.from({ length: Math.min(SOME, count - n) }, (_, i) => part(n + i));
    socket.write(...parts.flat());
    await new Promise(setImmediate);
  }
}

const cancelled = Buffer.from([0, 0, 0, 8]);
const getStreamId = (n: number) => 2 * n + 1;
const call = (n: number) => frame(HEADERS, END_HEADERS, getStreamId(n), STATS);
/** An entry of 3,900 bytes for the table of headers; each further byte 0xbe is a header as long. */
const tableEntry = Buffer.concat([
  Buffer.from([0x40, 3]),
  Buffer.from("x-a"),
  Buffer.from([0x7f, 0xbd, 0x1d]),
  Buffer.alloc(3_900, 0x61),
]);

/** Each ends the connection; `why`: the error code, where there is one that clients know. */
const REFUSED: Record<string, { count: number; part(n: number): Uint8Array[]; why?: string }> = {
  "calls that are reset at once (CVE-2023-44487)": {
    count: 20_000,
    part: (n) => [call(n), frame(RST_STREAM, 0, getStreamId(n), cancelled)],
  },
  "whole calls that are reset before their response": {
    count: 20_000,
    part: (n) => [
      call(n),
      frame(DATA, END_STREAM, getStreamId(n), EMPTY),
      frame(RST_STREAM, 0, getStreamId(n), cancelled),
    ],
  },
  "calls that the server itself must reset": {
    count: 20_000,
    part: (n) => [call(n), frame(WINDOW_UPDATE, 0, getStreamId(n), Buffer.alloc(4))],
  },
  "headers that are none": {
    count: 20_000,
    part: (n) => [frame(HEADERS, END_HEADERS | END_STREAM, getStreamId(n), Buffer.from([0x83, 0x86]))],
  },
  "more streams at once than it takes": { count: 5_000, part: (n) => [call(n)] },
  "pings beyond what keeps a connection alive": {
    count: 100,
    part: () => [frame(PING, 0, 0, Buffer.alloc(8, 1))],
    why: "too_many_pings",
  },
  "settings without end": { count: 50_000, part: () => [settings({ window: 65_535 })] },
  "empty DATA without end": { count: 50_000, part: (n) => [n === 0 ? call(0) : frame(DATA, 0, 1)] },
  "headers without end": {
    count: 500,
    part: (n) => [
      n === 0
        ? frame(HEADERS, 0, 1, STATS)
        : frame(
            CONTINUATION,
            0,
            1,
            Buffer.concat([Buffer.from([0, 1, 0x61, 0x7f, 0x80, 0x3e]), Buffer.alloc(8_063, 0x78)]),
          ),
    ],
  },
  "headers that grow when they are unpacked": {
    count: 1_000,
    part: (n) => [
      frame(
        HEADERS,
        END_HEADERS,
        getStreamId(n),
        Buffer.concat([STATS, n === 0 ? tableEntry : Buffer.alloc(10_000, 0xbe)]),
      ),
    ],
  },
};
for (const [name, { count, part, why }] of Object.entries(REFUSED)) {
  test(`${name}: the connection is ended`, async () => {
    const before = memory();
    const socket = await openHttp2(node.grpcPort);
    await flood(socket, count, part);
    await waitUntil("the server ended it", () => socket.ended);
    if (why !== undefined) expect(goawayText(socket.received())).toBe(why);
    expect(memory()).toBeLessThan(before + 50);
  });
}

/** What the runtime accepts, as docs/hostile-clients.md says: when one of these fails, it is fixed. */
const TAKEN: Record<string, (n: number) => Uint8Array[]> = {
  "empty CONTINUATION": (n) => [n === 0 ? frame(HEADERS, 0, 1, STATS) : frame(CONTINUATION, 0, 1)],
  PRIORITY: (n) => [frame(PRIORITY, 0, getStreamId(n % 1_000), Buffer.from([0, 0, 0, 0, 1]))],
  WINDOW_UPDATE: () => [frame(WINDOW_UPDATE, 0, 0, Buffer.from([0, 0, 0, 1]))],
};
for (const [name, part] of Object.entries(TAKEN)) {
  test(`lenient: ${name} without end is accepted, costs no memory, and delays no one`, async () => {
    const before = memory();
    const socket = await openHttp2(node.grpcPort);
    await flood(socket, 100_000, part);
    await served();
    expect(socket.ended).toBe(false);
    expect(memory()).toBeLessThan(before + 30);
    socket.destroy();
  });
}

test("requests that never come whole are reset, soon when there are thousands; a client that only listens is not", async () => {
  const sockets = await Promise.all(Array.from({ length: 10 }, () => openHttp2(node.grpcPort)));
  const each = 900;
  for (const socket of sockets) await flood(socket, each, (n) => [call(n)]);
  await served();
  const resets = ({ ended, received }: RawSocket) =>
    ended ? each : http2Frames(received()).filter(({ type }) => type === RST_STREAM).length;
  // The others have half a minute.
  const over = sockets.length * each - 4_096;
  await waitUntil(
    "those are reset that are too many",
    () => sockets.reduce((sum, one) => sum + resets(one), 0) >= over,
  );
  for (const socket of sockets) socket.destroy();
});

test("idle connections, and those that never finish a request, keep no one out", async () => {
  const begun = [
    Buffer.alloc(0),
    CONNECTION_PREFACE.subarray(0, 8),
    CONNECTION_PREFACE,
    Buffer.concat([CONNECTION_PREFACE, settings(), call(0).subarray(0, 20)]),
    Buffer.concat([CONNECTION_PREFACE, settings(), frame(HEADERS, 0, 1, STATS)]),
  ];
  const sockets: RawSocket[] = [];
  while (sockets.length < 4_300) {
    const more = await Promise.all(Array.from({ length: 100 }, () => openTcp(node.grpcPort, { from: "127.0.0.3" })));
    more.forEach((socket, n) => {
      socket.write(begun[n % begun.length]!);
    });
    sockets.push(...more);
  }
  await served();
  await waitUntil("the oldest gave way", () => sockets.slice(0, 100).every((socket) => socket.ended));
  for (const socket of sockets) socket.destroy();
});

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { NodeProcess } from "../cluster/node-process.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { END_STREAM, HEADERS, http2Frames, RST_STREAM } from "../support/raw-http2.ts";
import type { RawSocket } from "../support/raw-socket.ts";
import { type RawStream, rawSse, rawSubscribe } from "../support/raw-streams.ts";
import { waitUntil } from "../support/wait-until.ts";

/**
 * Readers of streams who stop reading, beside one in the same room who does not (SPEC SL-1, SL-2, SS-6). The server is a process,
 * and the readers are bare sockets: what is on the way can be counted.
 */
setDefaultTimeout(120_000);

const TOKEN = "a-token-of-the-tests";
/** Bytes that a stream may have unsent: for a second, and at any time. */
const LONG = 262_144;
const MAX_UNSENT = 1_048_576;
/** Bytes of an event; and what a paused socket of ours has read without showing it. */
const EVENT = 60_000;
const READ_AHEAD = 2 * EVENT;

let database: TestDatabase;
let node: NodeProcess;
beforeAll(async () => {
  database = await testDatabase();
  node = await NodeProcess.make({ DATABASE_URL: database.url, ROLES: "api,edge", GRPC_TOKEN: TOKEN });
  await node.start();
});
afterAll(async () => {
  await node.remove();
  await database.close();
});

async function call(path: string, body?: object) {
  const response = await fetch(`http://127.0.0.1:${node.port}/api/v1${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, number>;
}

const text = "x".repeat(EVENT);
const say = (room: string) => call(`/rooms/${room}/broadcasts`, { event_type: "much:sent", payload: { text } });
const readMembers = async (room: string) => (await call(`/connections/stats?room=${room}`)).total!;

const ESTABLISHED = "01";

/** Both ends of a connection to the server, as the kernel has them. */
function readSockets({ port }: RawSocket) {
  const hex = (n: number) => `:${n.toString(16).toUpperCase().padStart(4, "0")}`;
  const [mine, theirs] = [hex(port), [hex(node.port), hex(node.grpcPort)]];
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1, -1);
  return lines.flatMap((line) => {
    const [, local = "", remote = "", state = "", queues = ""] = line.trim().split(/\s+/);
    const isServers = remote.endsWith(mine) && theirs.some((port) => local.endsWith(port));
    if (!isServers && !(local.endsWith(mine) && theirs.some((port) => remote.endsWith(port)))) return [];
    const [unsent = 0, unread = 0] = queues.split(":").map((n) => Number.parseInt(n, 16));
    return [{ isServers, state, bytes: isServers ? unsent : unread }];
  });
}

/** Bytes that the server has sent and the reader has not taken. */
const inKernel = (reader: RawSocket) => readSockets(reader).reduce((sum, { bytes }) => sum + bytes, 0);

const seqs = (operation: RawStream, ...sockets: RawSocket[]) =>
  sockets
    .flatMap((socket) => operation.parseFrames(socket.received()))
    .flatMap(({ type, seq }) => (type === "much:sent" ? [seq] : []));
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

async function waitUntilResumed(stream: RawStream, socket: RawSocket, room: string) {
  const find = () => stream.parseFrames(socket.received()).find(({ type }) => type === "system:resumed");
  return (await waitUntil("the stream stands", find)).payload.rooms[room];
}

const sse = () => rawSse(node.port);
const grpc = (window?: number) => rawSubscribe(node.grpcPort, TOKEN, window);

/** The stream, or with it the connection, has been ended by the server. */
const isOver = (socket: RawSocket) =>
  socket.ended ||
  http2Frames(socket.received()).some(
    ({ type, flags, stream }) =>
      stream === 1 && (type === RST_STREAM || (type === HEADERS && (flags & END_STREAM) !== 0)),
  );
/** The server has closed the connection, although the kernel may still hold what is to go there. */
const isGone = (socket: RawSocket) =>
  !readSockets(socket).some(({ isServers, state }) => isServers && state === ESTABLISHED);

/** @param ended a check that the server buffers nothing for the client any longer, while the client continues as before */
const SLOW = [
  { name: "an SSE reader who never reads", open: sse, reads: false, ended: isGone, healthy: sse },
  // The error comes to the client after what it does not read.
  { name: "a Subscribe reader who never reads", open: grpc, reads: false, ended: () => true, healthy: grpc },
  {
    name: "a Subscribe reader who opens no window",
    open: () => grpc(2 * EVENT),
    reads: true,
    ended: isOver,
    healthy: grpc,
  },
];

SLOW.forEach(({ name, reads, ended, ...streams }, place) => {
  test.concurrent(`SL-1 SS-6 ${name} is closed, delays no one, and resumes without loss`, async () => {
    const room = `event:slow-${place}`;
    const [stream, healthy] = [streams.open(), streams.healthy()];
    const otherClient = await healthy.open(room);
    await waitUntilResumed(healthy, otherClient, room);
    const reader = await stream.open(room);
    await waitUntilResumed(stream, reader, room);
    if (!reads) reader.pause();
    /** Bytes that the server has written for the reader and that lie in the server. */
    const unsent = () => otherClient.length - reader.length - inKernel(reader);

    let sent = 0;
    while (unsent() < LONG + READ_AHEAD + EVENT && sent < 1_000) {
      await say(room);
      sent += 1;
      // The reader has it before the next one is sent, whatever the other does.
      await waitUntil("the neighbour has it", () => otherClient.length > sent * EVENT);
    }
    expect(unsent()).toBeLessThan(MAX_UNSENT);
    await waitUntil("the slow one is out of the room", async () => (await readMembers(room)) === 1);
    await waitUntil("nothing is buffered for it", () => ended(reader));
    for (let n = 0; n < 3; n++) await say(room);
    sent += 3;

    reader.resume();
    await waitUntil("it has what was on the way", () => isOver(reader));
    const before = seqs(stream, reader);
    const { position } = stream.parseFrames(reader.received()).findLast(({ position }) => position !== "")!;
    const again = await healthy.open(room, position);
    expect((await waitUntilResumed(healthy, again, room)).recovered).toBe(true);
    await waitUntil("the rest came", () => seqs(healthy, again).at(-1) === sent);
    expect([...before, ...seqs(healthy, again)]).toEqual(upTo(sent));
    expect(seqs(healthy, otherClient)).toEqual(upTo(sent));
    for (const socket of [otherClient, reader, again]) socket.destroy();
  });
});

test("SL-2 sixty readers who never read cost what they may have unsent, however much is sent", async () => {
  const room = "event:busy";
  const healthy = sse();
  const otherClient = await healthy.open(room);
  await waitUntilResumed(healthy, otherClient, room);
  const streams = [sse(), grpc(), grpc(0)];
  const readers: RawSocket[] = [];
  for (const stream of streams)
    for (let n = 0; n < 20; n++) {
      const reader = await stream.open(room);
      readers.push(reader);
      const standing = readers.length + 1;
      await waitUntil("it is in the room", async () => (await readMembers(room)) === standing);
      reader.pause();
    }
  const before = memory();
  let max = 0;
  let sent = 0;
  while ((await readMembers(room)) > 1 || sent < 200) {
    await Promise.all(Array.from({ length: 10 }, () => say(room)));
    sent += 10;
    expect(sent).toBeLessThan(1_000);
    await waitUntil("the neighbour has all", () => otherClient.length > sent * EVENT);
    max = Math.max(max, memory() - before);
  }
  expect(seqs(healthy, otherClient)).toEqual(upTo(sent));
  expect(max).toBeLessThan((readers.length * MAX_UNSENT) / 1_048_576 + 100);
  for (const socket of [otherClient, ...readers]) socket.destroy();
});

/** Resident memory of the server in MiB. */
function memory(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.pid}/status`, "utf8"))![1]) / 1_024;
}

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { NodeProcess } from "../cluster/node-process.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { HANDSHAKE, headEnd, openRawWebSocket, openTcp, type RawSocket } from "../support/raw-socket.ts";
import { openSse } from "../support/sse-client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { wsFrame } from "../support/ws-client.ts";

/** Many clients at once, and clients that never finish a request. The server is a process: its resources can be counted. */
setDefaultTimeout(120_000);

/** More than an address may open, and less than this machine's processes may. */
const CONNECTIONS = 8_000;
const MAX_UPGRADES = 6_000;

let database: TestDatabase;
let node: NodeProcess;
beforeAll(async () => {
  database = await testDatabase();
  node = await NodeProcess.make({
    DATABASE_URL: database.url,
    ROLES: "api,edge",
    HTTP_RATE_LIMIT: String(MAX_UPGRADES),
    WS_CONNECT_LIMIT: "100000",
    HTTP_READ_TIMEOUT: "1s",
    HTTP_WRITE_TIMEOUT: "1s",
    WS_PING_INTERVAL: "1s",
    WS_PONG_TIMEOUT: "3s",
  });
  await node.start();
});
afterAll(async () => {
  await node.remove();
  await database.close();
});

/** Open files of the server, and its memory in MB. */
function measure() {
  const status = readFileSync(`/proc/${node.pid}/status`, "utf8");
  return {
    files: readdirSync(`/proc/${node.pid}/fd`).length,
    memory: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024,
  };
}

const asks = `${HANDSHAKE.join("\r\n")}\r\n\r\n`;
const PING = wsFrame(1, Buffer.from('{"type":"system:ping","id":1}'));
const readStatus = (socket: RawSocket) => Number(socket.received().subarray(9, 12).toString());

/** A client at another address connects, and gets a response. */
async function neighbour(from = "127.0.0.2") {
  const socket = await openRawWebSocket(node.port, { from });
  socket.write(PING);
  const isServed = () => socket.frames().some(({ payload }) => payload.includes("system:pong"));
  await waitUntil("the neighbour is served", isServed);
  socket.destroy();
}

test("8,000 connections from one address: 6,000 are accepted, the others are refused, other clients are served, and all resources are released", async () => {
  await neighbour();
  const before = measure();
  const users: RawSocket[] = [];
  for (let n = 0; n < CONNECTIONS; n += 250) {
    users.push(...(await Promise.all(Array.from({ length: 250 }, () => openTcp(node.port)))));
    for (const socket of users.slice(-250)) socket.write(asks);
    if (n % 1_000 === 0) await neighbour();
  }
  await waitUntil("all have a response", () => users.every((socket) => headEnd(socket.received()) > 0));
  const results = Object.groupBy(users, (socket) => `${readStatus(socket)}`);
  expect(Object.keys(results).sort()).toEqual(["101", "429"]);
  // The readiness of this test has asked as well.
  expect(results["101"]!.length).toBeLessThanOrEqual(MAX_UPGRADES);
  expect(results["101"]!.length).toBeGreaterThan(MAX_UPGRADES - 100);
  expect(results["429"]![0]!.received().toString().toLowerCase()).toContain("\r\nretry-after: ");
  await neighbour();
  for (const socket of users) socket.destroy();
  await waitUntil("their files are closed", () => measure().files <= before.files + 20);
  expect(measure().memory).toBeLessThan(before.memory + 150);
});

// These three wait for the server's patience to end, so they wait together.
test.concurrent("a client that does not finish a request is cut, and costs little meanwhile", async () => {
  const begun = {
    "nothing at all": "",
    "half a request line": "GET /api/v1/me",
    "headers without end": "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: ",
    "half a handshake": asks.slice(0, -2),
    "half a body":
      "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    "half a chunk":
      "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
  };
  const slow = await Promise.all(
    Object.entries(begun).flatMap(([name, text]) =>
      Array.from({ length: 20 }, async () => {
        const socket = await openTcp(node.port, { from: "127.0.0.3" });
        socket.write(text);
        return { name, socket };
      }),
    ),
  );
  await neighbour();
  const left = () => slow.filter(({ socket }) => !socket.ended && socket.received().length === 0);
  await waitUntil("all have a response or are cut", () => left().length === 0);
  for (const { socket } of slow) socket.destroy();
});

test.concurrent("a byte now and then does not keep alive: a slow header is cut, and a slow body gets 408", async () => {
  const header = await openTcp(node.port, { from: "127.0.0.3" });
  header.write("GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: ");
  const body = await openTcp(node.port, { from: "127.0.0.3" });
  body.write(
    "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n",
  );
  const timer = setInterval(() => {
    header.write("x");
    body.write(" ");
  }, 100);
  try {
    await waitUntil("the response to the body came", () => readStatus(body) === 408);
    await waitUntil("the header was cut", () => header.ended || readStatus(header) > 0);
  } finally {
    clearInterval(timer);
    header.destroy();
    body.destroy();
  }
});

test.concurrent("a WebSocket frame that arrives byte by byte without end is cut when no pong comes either", async () => {
  const socket = await openRawWebSocket(node.port, { from: "127.0.0.3" });
  const frame = wsFrame(1, Buffer.alloc(60_000, 0x20));
  let at = 0;
  const timer = setInterval(() => socket.write(frame.subarray(at, ++at)), 100);
  try {
    await waitUntil("it was cut", () => socket.ended);
  } finally {
    clearInterval(timer);
    socket.destroy();
  }
});

test("connections that come and go at every interface leave neither files nor memory", async () => {
  const url = `http://127.0.0.1:${node.port}`;
  const from = (n: number) => ({ from: `127.0.1.${1 + (n % 200)}` });
  const streams: ((n: number) => Promise<void>)[] = [
    async (n) => (await openRawWebSocket(node.port, from(n))).destroy(),
    async (n) => {
      const socket = await openRawWebSocket(node.port, from(n));
      socket.write(wsFrame(1, Buffer.from('{"type":"room:join","payload":{"room":"event:1"}}')), PING);
      await waitUntil("it was received", () => socket.frames().length > 1);
      socket.end();
    },
    async (n) => {
      const socket = await openTcp(node.port, from(n));
      socket.write("GET /api/v1/stream?rooms=event:1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await waitUntil("a response came", () => socket.received().length > 0);
      socket.destroy();
    },
    async (n) => {
      const socket = await openTcp(node.port, from(n));
      socket.write("GET /api/v1/meta HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await waitUntil("a response came", () => socket.received().length > 0);
      socket.destroy();
    },
    async (n) => {
      const socket = await openTcp(node.grpcPort, from(n));
      socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
      await waitUntil("HTTP/2 began", () => socket.received().length > 0);
      socket.destroy();
    },
  ];
  const cycle = async (count: number) => {
    for (let n = 0; n < count; n += 100)
      await Promise.all(Array.from({ length: 100 }, (_, i) => streams[(n + i) % streams.length]!(n + i)));
  };
  await cycle(500);
  const before = measure();
  await cycle(CYCLES);
  await waitUntil("their files are closed", () => measure().files <= before.files + 20);
  const after = measure();
  const format = ({ files, memory }: typeof after) => `${files} open files and ${memory.toFixed(0)} MB`;
  console.log(`${CYCLES} connections: ${format(before)} before, ${format(after)} after`);
  expect(after.memory).toBeLessThan(before.memory + 100);
  const stream = await openSse(`${url}/api/v1/stream?rooms=event:1`);
  await stream.first("system:connected");
  stream.close();
});

/** A thousand shows a leak of 100 kB a connection; HOSTILE_CYCLES=20000 one of 5 kB. */
const CYCLES = Number(process.env.HOSTILE_CYCLES ?? 1_000);

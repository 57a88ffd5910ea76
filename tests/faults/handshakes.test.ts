import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type HubNode, mintToken, startHubNode } from "../support/hub-node.ts";
import { headEnd, openTcp, parseServerFrames, type RawSocket } from "../support/raw-socket.ts";
import { waitUntil } from "../support/wait-until.ts";
import { wsFrame } from "../support/ws-client.ts";

/** How a WebSocket may be asked for, byte for byte (RFC 6455 §4, SPEC CN-1 to CN-4). */

let node: HubNode;
let token: string;
beforeAll(async () => {
  node = await startHubNode();
  token = await mintToken("ann");
});
afterAll(() => node.stop());

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
const PING = wsFrame(1, Buffer.from('{"type":"system:ping","id":1}'));

interface Handshake {
  first?: string;
  /** Replaces the good ones; null leaves one out, a list repeats it. */
  headers?: Record<string, string | null | string[]>;
}

function formatHandshake({ first = "GET /ws HTTP/1.1", headers = {} }: Handshake): string {
  const good = {
    Host: "localhost",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
  };
  const lines = Object.entries({ ...good, ...headers }).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((one) => `${name}: ${one}`),
  );
  return `${[first, ...lines].join("\r\n")}\r\n\r\n`;
}

async function readResponse(socket: RawSocket) {
  await waitUntil("a response's head came, or the end", () => headEnd(socket.received()) > 0 || socket.ended);
  const head = socket
    .received()
    .subarray(0, Math.max(0, headEnd(socket.received())))
    .toString("latin1");
  return { status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0), head: head.toLowerCase() };
}

async function request(handshake: Handshake, ...after: Uint8Array[]) {
  const socket = await openTcp(node.port);
  socket.write(formatHandshake(handshake), ...after);
  return { socket, ...(await readResponse(socket)) };
}

const good: Record<string, Handshake> = {
  "as the standard prints it": {},
  "with Connection: keep-alive, Upgrade, as Firefox says it": { headers: { Connection: "keep-alive, Upgrade" } },
  "with names and values in other cases": { headers: { Upgrade: "WebSocket", Connection: "uPGRADE" } },
  "with an extension asked for": {
    headers: { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" },
  },
  "with extensions that are none": {
    headers: { "Sec-WebSocket-Extensions": 'x-unknown;;;=,,permessage-deflate; a="' },
  },
  "with a query": { first: "GET /ws?a=b&%zz=&&= HTTP/1.1" },
  "with the address whole (absolute form)": { first: "GET http://localhost/ws HTTP/1.1" },
};
for (const [name, handshake] of Object.entries(good)) {
  test(`a good handshake: ${name}`, async () => {
    const { socket, status, head } = await request(handshake);
    expect(status).toBe(101);
    expect(head).toContain(`sec-websocket-accept: ${ACCEPT.toLowerCase()}\r\n`);
    expect(head).not.toContain("sec-websocket-extensions");
    expect(head).not.toContain("sec-websocket-protocol");
    socket.destroy();
  });
}

test("a subprotocol is echoed when it carried the token, among others", async () => {
  const { socket, status, head } = await request({ headers: { "Sec-WebSocket-Protocol": `chat, bearer.${token}` } });
  expect(status).toBe(101);
  expect(head).toContain(`sec-websocket-protocol: bearer.${token.toLowerCase()}\r\n`);
  socket.destroy();
});

test("a frame in the packet of the handshake is received, and so is a handshake byte by byte", async () => {
  const together = await request({}, PING);
  const slow = await openTcp(node.port);
  await slow.writeSlowly(Buffer.concat([Buffer.from(formatHandshake({})), PING]));
  for (const socket of [together.socket, slow]) {
    const frames = () => parseServerFrames(socket.received().subarray(headEnd(socket.received())));
    await waitUntil("the pong came", () => frames().some(({ payload }) => payload.includes("system:pong")));
    socket.destroy();
  }
});

const bad: Record<string, Handshake & { status: number }> = {
  "no version": { headers: { "Sec-WebSocket-Version": null }, status: 426 },
  "version 8": { headers: { "Sec-WebSocket-Version": "8" }, status: 426 },
  "version 0": { headers: { "Sec-WebSocket-Version": "0" }, status: 426 },
  "a version that is no number": { headers: { "Sec-WebSocket-Version": "13; 8" }, status: 426 },
  "no key": { headers: { "Sec-WebSocket-Key": null }, status: 400 },
  "an empty key": { headers: { "Sec-WebSocket-Key": "" }, status: 400 },
  "a key that is too short": { headers: { "Sec-WebSocket-Key": "YWJj" }, status: 400 },
  "a key that is too long": { headers: { "Sec-WebSocket-Key": `${KEY}${KEY}` }, status: 400 },
  "a key that is no base64": { headers: { "Sec-WebSocket-Key": "!".repeat(24) }, status: 400 },
  "two keys": { headers: { "Sec-WebSocket-Key": [KEY, KEY] }, status: 400 },
  "no Upgrade": { headers: { Upgrade: null }, status: 400 },
  "an Upgrade to something else": { headers: { Upgrade: "h2c" }, status: 400 },
  "no Connection": { headers: { Connection: null }, status: 400 },
  "a Connection that does not say Upgrade": { headers: { Connection: "keep-alive" }, status: 400 },
  "no Host": { headers: { Host: null }, status: 400 },
  POST: { first: "POST /ws HTTP/1.1", headers: { "Content-Length": "0" }, status: 400 },
  HEAD: { first: "HEAD /ws HTTP/1.1", status: 400 },
  "a token in the subprotocol that is none": { headers: { "Sec-WebSocket-Protocol": "bearer.abc" }, status: 401 },
  "an Authorization that is no token": { headers: { Authorization: "Basic YTpi" }, status: 401 },
  "a body": { headers: { "Content-Length": "5" }, status: 400 },
};
for (const [name, { status, ...handshake }] of Object.entries(bad)) {
  test(`a bad handshake is refused: ${name}`, async () => {
    const result = await request(handshake);
    expect(result.status).toBe(status);
    if (status === 426) expect(result.head).toContain("sec-websocket-version: 13\r\n");
    result.socket.destroy();
  });
}

/** Limitations of the runtime, which docs/hostile-clients.md names: when one of these fails, it is fixed. */
test("lenient: the first subprotocol is echoed although we have none, and HTTP/1.0 may upgrade", async () => {
  const { socket, head } = await request({ headers: { "Sec-WebSocket-Protocol": "chat, superchat" } });
  expect(head).toContain("sec-websocket-protocol: chat\r\n");
  socket.destroy();
  const old = await request({ first: "GET /ws HTTP/1.0" });
  expect(old.status).toBe(101);
  old.socket.destroy();
});

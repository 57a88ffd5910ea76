import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { CLOSE } from "../../protocol/codes.ts";
import { type ServerApiApp, startServerApiApp } from "../support/server-api.ts";
import { waitUntil } from "../support/wait-until.ts";

setDefaultTimeout(60_000);

/** Everything received counts before it is parsed, on each path that accepts sockets. */
let app: ServerApiApp;
let closedToStrangers: ServerApiApp;

beforeAll(async () => {
  app = await startServerApiApp();
  closedToStrangers = await startServerApiApp({ WS_ALLOW_ANONYMOUS: "false" });
});
afterAll(async () => {
  await closedToStrangers.close();
  await app.close();
});

/** The runtime's client sends control frames, too; the type of the browser's does not know them. */
interface RawSocket extends WebSocket {
  ping(data?: Uint8Array): void;
  pong(data?: Uint8Array): void;
}

/** Opens a socket, runs `send` on it so many times, and returns how it was closed and what it received. */
async function flood(node: ServerApiApp, path: string, times: number, send: (socket: RawSocket) => void) {
  const socket = new WebSocket(`ws://127.0.0.1:${node.wsPort}${path}`) as RawSocket;
  let results = 0;
  let code: number | null = null;
  socket.addEventListener("message", () => results++);
  socket.addEventListener("close", (event) => {
    code = event.code;
  });
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  for (let i = 0; i < times && code === null; i++) {
    send(socket);
    if (i % 100 === 99) await Bun.sleep(1);
  }
  await waitUntil("the socket is closed", () => code !== null);
  return { code: code as number | null, replies: results };
}

const BINARY = new Uint8Array(8);
const SENDS: [string, (socket: RawSocket) => void][] = [
  ["junk", (socket) => socket.send("junk")],
  ["large frames", (socket) => socket.send("x".repeat(60_000))],
  ["binary frames", (socket) => socket.send(BINARY)],
  ["pings", (socket) => socket.ping(BINARY)],
  ["pongs", (socket) => socket.pong(BINARY)],
];
const PATHS = ["/ws", "/v1/ws", "/api/message/ws"];

test.each(PATHS.flatMap((path) => SENDS.map(([what, send]) => [path, what, send] as const)))(
  "SL-4 %s closes a client that sends too many: %s",
  async (path, _, send) => {
    const { code, replies: results } = await flood(app, `${path}?token=${app.owner}`, 5_000, send);
    expect(code).toBe(CLOSE.flood.code);
    expect(results).toBeLessThan(1_500);
  },
);

test.each(SENDS)("SL-4 /api/message/ws closes a client that sends too many before a token: %s", async (_, send) => {
  for (const node of [app, closedToStrangers]) {
    const { code, replies: results } = await flood(node, "/api/message/ws", 5_000, send);
    expect(code).toBe(CLOSE.flood.code);
    expect(results).toBeLessThan(20);
  }
});

test("SL-4 handshakes without a token are limited where a token is required", async () => {
  const node = await startServerApiApp({ WS_ALLOW_ANONYMOUS: "false", HTTP_RATE_LIMIT: "60" });
  try {
    for (const path of PATHS) {
      const headers = {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      };
      const statuses = new Set<number>();
      for (let i = 0; i < 70; i++) statuses.add((await fetch(`${node.url}${path}`, { headers })).status);
      expect(statuses.has(429)).toBe(true);
    }
  } finally {
    await node.close();
  }
});

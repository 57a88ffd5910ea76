import { connect, type Socket } from "node:net";
import { waitUntil } from "./wait-until.ts";

/** A frame as a client reads it. */
export interface Received {
  type: string;
  id?: number | string;
  room?: string;
  seq?: number;
  payload: Record<string, unknown>;
}

/** A WebSocket client that stores all received frames. */
export interface WsClient {
  frames: Received[];
  /** Null while open. */
  closed: { code: number; reason: string } | null;
  protocol: string;
  send(frame: object | string | Uint8Array<ArrayBuffer>): void;
  /** The next frame that was not returned yet and fits; waits for it. */
  next(type: string, where?: (frame: Received) => boolean): Promise<Received>;
  /** Sends a command and waits for the reply with its id. */
  request(type: string, payload?: object): Promise<Received>;
  /** Resolves with the close code. */
  end(): Promise<number>;
  close(): void;
}

/** Opens a connection to `/ws`; rejects when it is refused. `query` starts with "?". */
export async function openClient(
  port: number,
  { query = "", headers = {}, protocols = [] as string[] } = {},
): Promise<WsClient> {
  // The runtime accepts headers as well; the type of the browser's WebSocket does not have them.
  const socket: WebSocket = Reflect.construct(WebSocket, [`ws://127.0.0.1:${port}/ws${query}`, { headers, protocols }]);
  const returned = new WeakSet<Received>();
  let ids = 1_000; // below are the tests' own
  const client: WsClient = {
    frames: [],
    closed: null,
    protocol: "",
    send(frame) {
      socket.send(typeof frame === "string" || frame instanceof Uint8Array ? frame : JSON.stringify(frame));
    },
    async next(type, where = () => true) {
      const find = () => client.frames.find((frame) => frame.type === type && !returned.has(frame) && where(frame));
      const seen = client.frames.map((f) => f.type).slice(-5);
      const frame = await waitUntil(`${type} came; there were ${seen}`, find);
      returned.add(frame);
      return frame;
    },
    async request(type, payload = {}) {
      const id = ++ids;
      client.send({ type, id, payload });
      await waitUntil(`a reply to ${type} came`, () => client.frames.some((frame) => frame.id === id));
      return client.frames.find((frame) => frame.id === id)!;
    },
    async end() {
      await waitUntil("the connection was closed", () => client.closed !== null);
      return client.closed!.code;
    },
    close: () => socket.close(),
  };
  socket.onmessage = ({ data }) => client.frames.push(JSON.parse(String(data)));
  socket.onclose = ({ code, reason }) => {
    client.closed = { code, reason };
  };
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error("refused"));
  });
  client.protocol = socket.protocol;
  return client;
}

/** A socket that did the handshake and then behaves freely: reads nothing, sends what no browser would. */
export async function openRaw(port: number, query = ""): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.write(
    `GET /ws${query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  await new Promise((resolve, reject) => {
    socket.once("data", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  return socket;
}

/** A client's frame of RFC 6455. `opcode`: 1 text, 2 binary, 0 continuation, 8 close, 9 ping. `key`: of four bytes. */
export function wsFrame(
  opcode: number,
  payload: Uint8Array,
  { fin = true, masked = true, rsv = 0, key = [0, 0, 0, 0] } = {},
): Uint8Array {
  const length = payload.length;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const mask = masked ? 0x80 : 0;
  if (length < 126) head.push(mask | length);
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 255);
  else
    head.push(mask | 127, 0, 0, 0, 0, (length >>> 24) & 255, (length >> 16) & 255, (length >> 8) & 255, length & 255);
  if (!masked) return Buffer.concat([Buffer.from(head), payload]);
  return Buffer.concat([Buffer.from([...head, ...key]), payload.map((byte, at) => byte ^ key[at & 3]!)]);
}

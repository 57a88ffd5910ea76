import type { Socket } from "bun";

/** Reads one frame's payload: bytes `start` to `end` of `bytes`, valid only during the call. */
export type OnFrame = (bytes: Uint8Array, start: number, end: number) => void;

export interface Address {
  host: string;
  port: number;
}

/** ms after which a connection that was refused for now (503) is tried again, as Retry-After asks. */
const RETRY_AFTER_MS = 1_000;

const NEW_LINE = 10;

/**
 * A WebSocket client (RFC 6455) that costs next to nothing, so that the load leaves the machine to the server:
 * it walks over frame headers and copies nothing. Text frames only; replies to pings; masks with the key 0.
 */
export class LoadSocket {
  onFrame: OnFrame = () => {};
  onClose: () => void = () => {};
  /** Each line of a frame is one call of `onFrame`. */
  splitsLines = false;
  #socket: Socket<unknown> | null = null;
  #rest: Uint8Array | null = null;
  #upgraded = false;

  static async open(address: Address, path: string, headers: Record<string, string> = {}): Promise<LoadSocket> {
    for (;;) {
      const socket = await LoadSocket.#connect(address, path, headers);
      if (socket !== null) return socket;
      await Bun.sleep(RETRY_AFTER_MS);
    }
  }

  static #connect(target: Address, path: string, headers: Record<string, string>): Promise<LoadSocket | null> {
    const self = new LoadSocket();
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const hello =
      `GET ${path} HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${lines.join("")}\r\n`;
    return new Promise((resolve, reject) => {
      Bun.connect({
        hostname: target.host,
        port: target.port,
        socket: {
          open: (socket) => {
            self.#socket = socket;
            socket.write(hello);
          },
          data: (socket, chunk) => {
            if (self.#upgraded) return self.#read(chunk);
            const text = Buffer.from(chunk).toString("latin1");
            const end = text.indexOf("\r\n\r\n");
            if (end < 0) return reject(new Error(`incomplete upgrade response: ${text.slice(0, 200)}`));
            if (text.startsWith("HTTP/1.1 503")) {
              socket.terminate();
              return resolve(null);
            }
            if (!text.startsWith("HTTP/1.1 101")) return reject(new Error(`not upgraded: ${text.slice(0, 300)}`));
            self.#upgraded = true;
            // Bytes that came with the response are read once the caller can listen, and before later ones.
            self.#rest = Buffer.from(chunk.subarray(end + 4));
            setImmediate(() => self.#read(new Uint8Array()));
            resolve(self);
          },
          close: () => self.onClose(),
          error: (_socket, error) => reject(error),
          connectError: (_socket, error) => reject(error),
        },
      }).catch(reject);
    });
  }

  send(text: string): void {
    const body = Buffer.from(text);
    const head =
      body.length < 126
        ? Buffer.from([0x81, 0x80 | body.length])
        : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255]);
    this.#write(Buffer.concat([head, Buffer.alloc(4), body]));
  }

  /** Cuts the connection without a close frame, as a lost network does. */
  cut(): void {
    this.#socket?.terminate();
  }

  #write(bytes: Uint8Array): void {
    const written = this.#socket?.write(bytes) ?? 0;
    if (written < bytes.length)
      throw new Error("the server does not read: the load's own frame did not fit the socket buffer");
  }

  #read(chunk: Uint8Array): void {
    const rest = this.#rest;
    const bytes = rest === null ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    const end = bytes.length;
    while (at + 2 <= end) {
      let size = bytes[at + 1]! & 127;
      let start = at + 2;
      if (size === 126) {
        if (at + 4 > end) break;
        size = (bytes[at + 2]! << 8) | bytes[at + 3]!;
        start = at + 4;
      } else if (size === 127) {
        if (at + 10 > end) break;
        size = (bytes[at + 6]! << 24) | (bytes[at + 7]! << 16) | (bytes[at + 8]! << 8) | bytes[at + 9]!;
        start = at + 10;
      }
      if (start + size > end) break;
      const opcode = bytes[at]! & 15;
      if (opcode === 1) this.#pass(bytes, start, start + size);
      else if (opcode === 9) this.#write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
      at = start + size;
    }
    this.#rest = at < end ? Buffer.from(bytes.subarray(at)) : null;
  }

  #pass(bytes: Uint8Array, start: number, end: number): void {
    if (this.splitsLines)
      for (let line = bytes.indexOf(NEW_LINE, start); line >= 0 && line < end; line = bytes.indexOf(NEW_LINE, start)) {
        this.onFrame(bytes, start, line);
        start = line + 1;
      }
    this.onFrame(bytes, start, end);
  }
}

import type { NodeOrigins } from "./listener.ts";

const RETRY_MS = 200;

/** A message as it was handed in; `seq` is null until the server has returned its position. */
export interface Written {
  channelId: string;
  clientId: string;
  seq: number | null;
}

/**
 * Posts into channels on one socket at a time, and after a break sends again whatever was not acknowledged, under the same
 * client ids: each must be stored exactly once.
 */
export class Writer {
  readonly written: Written[] = [];
  readonly #origins: NodeOrigins;
  readonly #token: string;
  readonly #name: string;
  readonly #fault: (what: string) => void;
  /** By the id of its command, which is its index in `written`. */
  readonly #waiting = new Set<number>();
  #socket: WebSocket | null = null;
  #ended = false;

  constructor(options: { origins: NodeOrigins; token: string; name: string; fault: (what: string) => void }) {
    this.#origins = options.origins;
    this.#token = options.token;
    this.#name = options.name;
    this.#fault = options.fault;
  }

  get idle(): boolean {
    return this.#waiting.size === 0;
  }

  connect(): void {
    if (this.#ended) return;
    const socket = new WebSocket(`${this.#origins.pick()}/ws?token=${this.#token}`);
    socket.onopen = () => {
      this.#socket = socket;
      for (const id of this.#waiting) this.#send(id);
    };
    socket.onmessage = ({ data }) => this.#received(String(data));
    socket.onerror = () => {};
    socket.onclose = () => {
      if (this.#socket === socket) this.#socket = null;
      if (!this.#ended) setTimeout(() => this.connect(), RETRY_MS);
    };
  }

  post(channelId: string): void {
    const id = this.written.length;
    this.written.push({ channelId, clientId: `${this.#name}-${id}`, seq: null });
    this.#waiting.add(id);
    this.#send(id);
  }

  end(): void {
    this.#ended = true;
    this.#socket?.close();
  }

  #send(id: number): void {
    const { channelId, clientId } = this.written[id]!;
    const payload = { channel_id: channelId, client_id: clientId, content: `text of ${clientId}` };
    this.#socket?.send(JSON.stringify({ type: "message:send", id, payload }));
  }

  #received(text: string): void {
    if (!text.startsWith('{"type":"system:ack"') && !text.startsWith('{"type":"system:error"')) return;
    const { type, id, payload } = JSON.parse(text);
    if (typeof id !== "number" || !this.#waiting.has(id)) return;
    if (type === "system:ack") {
      this.written[id]!.seq = payload.seq;
      this.#waiting.delete(id);
    } else if (payload.retry) setTimeout(() => this.#waiting.has(id) && this.#send(id), RETRY_MS);
    else {
      this.#waiting.delete(id);
      this.#fault(`${this.#name}: ${id} was refused with ${payload.code}`);
    }
  }
}

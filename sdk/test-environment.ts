import type { CommandType, Frame } from "../protocol/frames.ts";
import { type ClientOptions, createClient } from "./client.ts";
import type { Environment, Socket } from "./environment.ts";

export const EPOCH = "e1";

interface Sent {
  type: CommandType;
  id?: number;
  payload: Record<string, unknown>;
}

/** A socket whose server side is the test. */
export class ScriptedSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly url: string;
  readonly protocols: string[];
  readonly sent: Sent[] = [];
  closed = false;

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Sent);
  }

  close(): void {
    this.closed = true;
  }

  /** Opens and sends system:connected. */
  greet(userId: string | null = "7"): void {
    this.onopen?.();
    const server_time = "2026-01-01T00:00:00.000Z";
    const greeting = {
      connection_id: "c",
      server_time,
      user_id: userId,
      ping_interval: 30_000,
      max_frame: 65_536,
      node: "0",
      epoch: EPOCH,
    };
    this.receive({ type: "system:connected", payload: greeting });
  }

  receive(frame: Frame | Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** An entry of a room's log. */
  entry(room: string, seq: number): void {
    this.receive({ type: "message:created", room, seq, payload: { message_id: String(seq) } });
  }

  cut(code = 1006, reason = ""): void {
    this.onclose?.({ code, reason });
  }

  /** The last command of this type; fails when there is none. */
  last(type: CommandType): Sent {
    const found = this.sent.findLast((frame) => frame.type === type);
    if (!found) throw new Error(`no ${type} among ${this.sent.map((frame) => frame.type).join(", ")}`);
    return found;
  }

  count(type: CommandType): number {
    return this.sent.filter((frame) => frame.type === type).length;
  }

  /** Replies to the last `system:resume`: each room recovered, unless `rooms` has another result. */
  resumed(rooms: Record<string, unknown> = {}): void {
    const { id, payload } = this.last("system:resume");
    const requested = payload.rooms as Record<string, object>;
    const results = Object.entries(requested).map(([name, since]) => [
      name,
      rooms[name] ?? { ...since, recovered: true },
    ]);
    this.receive({ type: "system:resumed", id, payload: { rooms: Object.fromEntries(results) } });
  }

  joined(seq: number): void {
    const { id, payload } = this.last("room:join");
    const { room } = payload;
    this.receive({ type: "room:joined", id, room, payload: { room, seq, epoch: EPOCH, recovered: false, members: 1 } });
  }
}

/** An environment with a clock that only the test advances. */
export class TestEnvironment implements Environment {
  readonly sockets: ScriptedSocket[] = [];
  randomValue = 0.5;
  network: (event: "online" | "offline" | "visible") => void = () => {};
  #now = 1_000_000;
  #timers = new Map<number, { at: number; run: () => void }>();
  #last = 0;
  #draws = 0;

  /** How far the system clock was set forward, in ms. */
  clockOffsetMs = 0;

  now(): number {
    return this.#now + this.clockOffsetMs;
  }

  elapsed(): number {
    return this.#now;
  }

  setTimer(run: () => void, ms: number): number {
    this.#last += 1;
    this.#timers.set(this.#last, { at: this.#now + ms, run });
    return this.#last;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** Near `randomValue`, and never the same twice: client ids are made of it. */
  random(): number {
    this.#draws += 1;
    return this.randomValue - this.#draws * 1e-9;
  }

  openSocket(url: string, protocols: string[]): ScriptedSocket {
    const socket = new ScriptedSocket(url, protocols);
    this.sockets.push(socket);
    return socket;
  }

  watchNetwork(listener: typeof this.network): () => void {
    this.network = listener;
    return () => {
      this.network = () => {};
    };
  }

  get socket(): ScriptedSocket {
    return this.sockets.at(-1)!;
  }

  /** Lets `ms` pass and runs the timers in order. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await flushPromises();
    for (;;) {
      const [id, next] = [...this.#timers].reduce<[number, { at: number; run: () => void }] | []>(
        (next, timer) => (next[1] && next[1].at <= timer[1].at ? next : timer),
        [],
      );
      if (!next || next.at > end) break;
      this.#timers.delete(id!);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await flushPromises();
    }
    this.#now = end;
  }
}

/** Lets all resolved promises run. */
export async function flushPromises(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A client in a test environment, connected unless `greet` is false. REST returns 404 unless `fetch` is given. */
export async function start(options: ClientOptions = {}, greet = true) {
  const environment = new TestEnvironment();
  const notFound = (async () => Response.json({ code: "not_found" }, { status: 404 })) as unknown as typeof fetch;
  const client = createClient({ url: "http://test", token: "t", environment, fetch: notFound, ...options });
  if (greet) {
    client.connect();
    await flushPromises();
    environment.socket.greet();
    await flushPromises();
  }
  return { client, environment };
}

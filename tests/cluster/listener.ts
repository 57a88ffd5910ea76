import { crc32 } from "node:zlib";
import type { Stretch, View } from "./audit.ts";

/** What a listener needs of the cluster: somewhere to connect to. */
export interface NodeOrigins {
  /** Origin of some node that is thought to be up, such as `ws://127.0.0.1:3003`. */
  pick(): string;
}

const ENTRY = /^\{"type":"[^"]+","room":"([^"]+)","seq":(\d+),/;
const RETRY_MS = 200;

type RoomResult = { seq: number; epoch: string; recovered: boolean; code?: string };

/**
 * A client as thin as the protocol allows: it records what it receives, as it comes, and when its link breaks it
 * resumes on another node from where it was. It heals nothing.
 */
export class Listener {
  readonly views = new Map<string, View>();
  /** Longest time in ms from a loss of the link until all rooms were live again. */
  longestAway = 0;
  live = false;
  readonly #origins: NodeOrigins;
  readonly #token: string;
  readonly #fault: (what: string) => void;
  readonly #who: string;
  #socket: WebSocket | null = null;
  #epoch: string | null = null;
  #lastId = 0;
  #since = performance.now();
  #ended = false;

  constructor(options: {
    origins: NodeOrigins;
    token: string;
    who: string;
    rooms: string[];
    fault: (what: string) => void;
  }) {
    this.#origins = options.origins;
    this.#token = options.token;
    this.#who = options.who;
    this.#fault = options.fault;
    for (const room of options.rooms) this.views.set(room, { who: options.who, room, stretches: [], position: null });
  }

  connect(): void {
    if (this.#ended) return;
    const socket = new WebSocket(`${this.#origins.pick()}/ws?token=${this.#token}`);
    this.#socket = socket;
    for (const view of this.views.values()) view.flowing = false;
    socket.onmessage = ({ data }) => this.#socket === socket && this.#received(String(data));
    socket.onerror = () => {};
    socket.onclose = () => this.#lost(socket, RETRY_MS * (0.5 + Math.random()));
  }

  /** Its positions are of another epoch from here on: the server must reset it in each room, once. */
  mistakeEpoch(): void {
    this.#epoch = "another life";
    this.cut();
  }

  /** The network is gone: no close frame from either side. */
  cut(): void {
    const socket = this.#socket;
    if (socket === null) return;
    (socket as unknown as { terminate(): void }).terminate();
    this.#lost(socket, 20 + Math.random() * 200);
  }

  end(): void {
    this.#ended = true;
    this.#socket?.close();
  }

  #lost(socket: WebSocket, wait: number): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    if (this.live) this.#since = performance.now();
    this.live = false;
    if (!this.#ended) setTimeout(() => this.connect(), wait);
  }

  #received(text: string): void {
    const entry = ENTRY.exec(text);
    if (entry !== null) this.#entry(entry[1]!, Number(entry[2]), text);
    else if (text.startsWith('{"type":"system:connected"')) this.#greeted(JSON.parse(text).payload.epoch);
    else if (text.startsWith('{"type":"system:resumed"')) this.#resumed(JSON.parse(text));
    else if (text.startsWith('{"type":"system:error"')) this.#refused(JSON.parse(text));
    else if (text.startsWith('{"type":"room:joined"')) this.#joined(JSON.parse(text).payload);
    else if (text.startsWith('{"type":"room:left"')) this.#fault(`${this.#who}: ${text}`);
  }

  #entry(room: string, seq: number, text: string): void {
    const view = this.views.get(room);
    if (view === undefined || !view.flowing) return;
    const stretch = view.stretches.at(-1)!;
    stretch.seqs.push(seq);
    stretch.marks.push(crc32(text));
    view.position = seq;
  }

  #greeted(epoch: string): void {
    this.#epoch ??= epoch;
    this.#resume();
  }

  #resume(): void {
    const rooms = Object.fromEntries(
      // An unknown room is requested beyond its head: the reply has the position to start at.
      [...this.views].map(([room, { position }]) => [room, { seq: position ?? 2 ** 52, epoch: this.#epoch }]),
    );
    this.#socket?.send(JSON.stringify({ type: "system:resume", id: ++this.#lastId, payload: { rooms } }));
  }

  #resumed({ id, payload }: { id: number; payload: { rooms: Record<string, RoomResult> } }): void {
    if (id !== this.#lastId) return;
    for (const [room, result] of Object.entries(payload.rooms)) {
      const view = this.views.get(room)!;
      if (result.code !== undefined) this.#fault(`${this.#who} may not be in ${room}: ${result.code}`);
      else if (!result.recovered) this.#begin(view, result);
      view.flowing = true;
    }
    this.live = true;
    this.longestAway = Math.max(this.longestAway, performance.now() - this.#since);
  }

  /** The server cannot continue without a gap, and says so (RC-6). */
  #joined({ room, ...result }: RoomResult & { room: string }): void {
    const view = this.views.get(room);
    if (view?.flowing) this.#begin(view, result);
  }

  #begin(view: View, { seq, epoch }: RoomResult): void {
    this.#epoch = epoch;
    view.position = seq;
    view.stretches.push({ from: seq, seqs: [], marks: [] } satisfies Stretch);
  }

  #refused({ id, payload }: { id?: number; payload: { code: string; retry: boolean } }): void {
    const socket = this.#socket;
    if (id === this.#lastId && payload.retry) setTimeout(() => this.#socket === socket && this.#resume(), RETRY_MS);
    else this.#fault(`${this.#who}: refused with ${payload.code}`);
  }
}

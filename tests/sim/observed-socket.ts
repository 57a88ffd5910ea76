import type { Frame } from "../../protocol/frames.ts";
import type { Socket } from "../../sdk/environment.ts";

const ENTRY = /^\{"type":"[a-z:_]+","room":"([^"]+)","seq":(\d+),/;

/**
 * A socket that is observed: between the reply to a join or resume and the next one, the numbers of a room must follow
 * each other as they come, before the client has had a chance to heal anything.
 */
export class ObservedSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  readonly #socket: WebSocket;
  readonly #fault: (what: string) => void;
  /** The last number of each room that flows. */
  readonly #last = new Map<string, number>();
  /** What was asked for by which command: room → since. */
  readonly #pendingResumes = new Map<number, Map<string, number>>();

  constructor(url: string, protocols: string[], fault: (what: string) => void) {
    this.#socket = new WebSocket(url, protocols);
    this.#fault = fault;
    this.#socket.onopen = (event) => this.onopen?.(event as never);
    this.#socket.onclose = (event) => this.onclose?.(event);
    this.#socket.onerror = (event) => this.onerror?.(event as never);
    this.#socket.onmessage = (event) => {
      if (typeof event.data === "string") this.#received(event.data);
      this.onmessage?.(event);
    };
  }

  send(text: string): void {
    if (text.startsWith('{"type":"system:resume"')) this.#trackResume(text);
    this.#socket.send(text);
  }

  close(code?: number): void {
    this.#socket.close(code);
  }

  /** The network is gone: no close frame, neither from here nor from there. */
  cut(): void {
    // Bun's WebSocket can do this; the DOM's type, which is in force here, does not know it.
    (this.#socket as unknown as { terminate(): void }).terminate();
  }

  #trackResume(text: string): void {
    const { id, payload } = JSON.parse(text) as { id: number; payload: { rooms: Record<string, { seq: number }> } };
    const rooms = new Map(Object.entries(payload.rooms).map(([room, { seq }]) => [room, seq]));
    for (const room of rooms.keys()) this.#last.delete(room);
    this.#pendingResumes.set(id, rooms);
  }

  #received(text: string): void {
    const entry = ENTRY.exec(text);
    if (entry) this.#entry(entry[1]!, Number(entry[2]));
    else if (text.startsWith('{"type":"system:resumed"')) this.#resumed(JSON.parse(text) as Frame);
    else if (text.startsWith('{"type":"room:')) this.#trackRoom(JSON.parse(text) as Frame);
  }

  #entry(room: string, seq: number): void {
    const last = this.#last.get(room);
    if (last === undefined) return;
    if (seq !== last + 1) this.#fault(`${room}: ${seq} came after ${last}`);
    this.#last.set(room, seq);
  }

  #resumed(frame: Frame): void {
    if (frame.type !== "system:resumed") return;
    const asked = this.#pendingResumes.get(frame.id as number);
    this.#pendingResumes.delete(frame.id as number);
    for (const [room, { seq, recovered, code }] of Object.entries(frame.payload.rooms)) {
      if (code === undefined && !this.#isResuming(room)) this.#last.set(room, recovered ? asked!.get(room)! : seq);
    }
  }

  #trackRoom(frame: Frame): void {
    if (frame.type === "room:left") this.#last.delete(frame.payload.room);
    else if (frame.type === "room:joined" && !this.#isResuming(frame.payload.room)) {
      this.#last.set(frame.payload.room, frame.payload.seq);
    }
  }

  /** Whether a later command asks for it: then only that one's reply counts. */
  #isResuming(room: string): boolean {
    return [...this.#pendingResumes.values()].some((rooms) => rooms.has(room));
  }
}

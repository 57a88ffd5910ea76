import type { Position } from "../../protocol/objects.ts";
import { type Client, createClient } from "../../sdk/client.ts";
import { systemEnvironment } from "../../sdk/environment.ts";
import { UsherError } from "../../sdk/errors.ts";
import type { RoomFrame } from "../../sdk/follower.ts";
import { getPosition } from "../../sdk/rest.ts";
import { seeded } from "../support/seeded.ts";
import type { Seen, Stretch, View, Written } from "./checker.ts";
import { ObservedSocket } from "./observed-socket.ts";

export interface DeviceOptions {
  url: string;
  token: string;
  userId: string;
  who: string;
  seed: number;
  fault: (what: string) => void;
}

/** One page of one person, as the web client would use the SDK: snapshot, follow, write; it records all it saw for the checker. */
export class Device {
  readonly client: Client;
  readonly views: View[] = [];
  readonly written: Written[] = [];
  /** Own messages that arrived; some of them are edited or deleted later. */
  readonly sent: string[] = [];
  readonly #options: DeviceOptions;
  readonly #following = new Map<string, { view: View; end: () => void }>();
  #socket: ObservedSocket | null = null;

  constructor(options: DeviceOptions) {
    this.#options = options;
    const { url, token, who, seed } = options;
    const { next } = seeded(seed);
    const environment = {
      ...systemEnvironment(),
      random: next,
      openSocket: (socketUrl: string, protocols: string[]) => {
        this.#socket = new ObservedSocket(socketUrl, protocols, (what) => options.fault(`${who}: ${what}`));
        return this.#socket;
      },
    };
    this.client = createClient({ url, token, environment });
    this.client.on("sent", ({ item, message }) => {
      const note = this.written.find(({ clientId }) => clientId === item.client_id);
      if (note) note.ack = { messageId: message.message_id ?? "", seq: (message as { seq?: number }).seq ?? 0 };
      if (message.message_id) this.sent.push(message.message_id);
    });
    this.client.on("outbox", (items) => {
      for (const item of items) if (item.state === "failed") this.#refused(item.client_id);
    });
  }

  /** Signs in, by its first request, and connects. */
  async start(): Promise<void> {
    const room = `user:${this.#options.userId}`;
    const snapshot = await this.#load(room);
    if (snapshot) this.#follow(room, snapshot);
    this.client.connect();
  }

  /** The link breaks without a goodbye. */
  cut(): void {
    this.#socket?.cut();
  }

  write(channelId: string, clientId: string): void {
    const { who, userId } = this.#options;
    this.written.push({ who, userId, channelId, clientId, ack: null, refused: false });
    this.client.outbox.add({ channel_id: channelId, content: `text of ${clientId}`, client_id: clientId });
  }

  /**
   * Shows a channel: the newest messages, and from their position on what comes. Nothing when it may not be read.
   * `stale`: the page's position is of another epoch, so the server must say that it cannot continue from it.
   */
  async open(channelId: string, stale = false): Promise<void> {
    const room = `channel:${channelId}`;
    const snapshot = await this.#load(room);
    if (!snapshot) return;
    this.forget(channelId);
    if (stale) snapshot.position.epoch = "another epoch";
    this.#follow(room, snapshot, stale);
  }

  forget(channelId: string): void {
    const room = `channel:${channelId}`;
    const following = this.#following.get(room);
    this.#following.delete(room);
    if (!following) return;
    following.view.listening = false;
    following.end();
  }

  /** Whether everything that was asked of it is done and every room is at its head. */
  isSettled(heads: ReadonlyMap<string, number>): boolean {
    if (this.client.state !== "live" || this.client.outbox.items.length > 0) return false;
    return [...this.#following.values()].every(({ view }) => {
      const stretch = view.stretches.at(-1);
      return !view.listening || (stretch && getLastSeq(stretch) >= (heads.get(view.room) ?? 0));
    });
  }

  #refused(clientId: string): void {
    const note = this.written.find((written) => written.clientId === clientId);
    if (note) note.refused = true;
    this.client.outbox.discard(clientId);
  }

  #follow(room: string, snapshot: Snapshot, mistaken = false): void {
    const { who, userId } = this.#options;
    const view: View = { who, userId, room, stretches: [startStretch(snapshot)], listening: true, mistaken };
    this.views.push(view);
    const end = this.client.follow(room, snapshot.position, {
      frame: (frame) => note(view.stretches.at(-1)!, frame),
      reset: async () => {
        const again = await this.#load(room);
        if (again) view.stretches.push(startStretch(again));
        return again?.position;
      },
      left: () => {
        view.listening = false;
      },
    });
    this.#following.set(room, { view, end });
  }

  /** What a page shows of a room, and its position in the log; null when the person may not read it. */
  async #load(room: string): Promise<Snapshot | null> {
    const { rest } = this.client;
    try {
      if (room.startsWith("user:")) {
        return { position: (await retry(() => rest.channels.list())).position, texts: new Map() };
      }
      const page = await retry(() => rest.messages.list(room.slice("channel:".length), { limit: 50 }));
      return { position: getPosition(page), texts: new Map(page.data.map(({ id, content }) => [id, content])) };
    } catch (error) {
      if (error instanceof UsherError && (error.status === 404 || error.status === 403)) return null;
      throw error;
    }
  }
}

interface Snapshot {
  position: Position;
  texts: Map<string, string>;
}

/** Retries what may succeed later: the server is away at times. */
export async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof UsherError && error.retry)) throw error;
      await Bun.sleep(200);
    }
  }
}

function startStretch({ position, texts }: Snapshot): Stretch {
  return { from: position.seq, seen: [], texts };
}

function note(stretch: Stretch, frame: RoomFrame): void {
  stretch.seen.push(toSeen(frame));
  if (frame.type === "message:created" || frame.type === "message:updated") {
    stretch.texts.set(frame.payload.message_id, frame.payload.content);
  } else if (frame.type === "message:deleted") stretch.texts.set(frame.payload.message_id, "");
}

function toSeen({ seq, type, payload }: RoomFrame): Seen {
  const { message_id, user_id, user } = payload as { message_id?: string; user_id?: string; user?: { id: string } };
  return { seq, type, subject: message_id ?? user_id ?? user?.id ?? "" };
}

function getLastSeq(stretch: Stretch): number {
  return stretch.seen.at(-1)?.seq ?? stretch.from;
}

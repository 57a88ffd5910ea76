import type { MessagePayload } from "../protocol/frames.ts";
import { backoff } from "./backoff.ts";
import type { Commands } from "./commands.ts";
import type { Environment, Timer } from "./environment.ts";
import { UsherError } from "./errors.ts";

/** A pending message. `failed`: the server refused it; it waits for `retry` or `discard`. */
export interface Outgoing {
  readonly client_id: string;
  readonly channel_id: string;
  readonly content: string;
  readonly reply_to_id: string | null;
  /** Unix time in ms at which it was written. */
  readonly created_at: number;
  readonly state: "queued" | "sending" | "failed";
  /** Why it failed: plain values, which are stored with it. */
  readonly error: Pick<UsherError, "code" | "message"> | null;
}

/** A message that the server has acknowledged, and the reply. */
export interface Sent {
  item: Outgoing;
  message: Partial<MessagePayload>;
}

/** Where unsent messages survive a reload: `sessionStorage` fits, as every tab has its own. */
export type OutboxStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface OutboxPort {
  environment: Environment;
  commands: Commands;
  storage: OutboxStorage | null;
  /** Id of the person whose messages these are; null: not known yet. Until then the storage is not used. */
  owner: string | null;
  changed(items: readonly Outgoing[]): void;
  sent(sent: Sent): void;
}

const MAX_MESSAGES = 200;

/**
 * Messages wait here until the server has them. Those of one channel are sent one after another, in the order they were written.
 * Each has a client id, so a repeat after a lost connection is the same message to the server.
 */
export class Outbox {
  readonly #port: OutboxPort;
  #owner: string | null;
  #items: Outgoing[];
  #isOpen = false;
  #attempt = 0;
  #timer: Timer | null = null;

  constructor(port: OutboxPort) {
    this.#port = port;
    this.#owner = port.owner;
    this.#items = this.#load();
  }

  /** Oldest first. */
  get items(): readonly Outgoing[] {
    return this.#items;
  }

  /** Adds a message. Throws UsherError `outbox_full` when 200 are pending. */
  add(message: { channel_id: string; content: string; reply_to_id?: string | null; client_id?: string }): Outgoing {
    if (this.#items.length >= MAX_MESSAGES) {
      throw new UsherError("outbox_full", "Too many messages are waiting to be sent. Discard some first.", {
        retry: true,
      });
    }
    const item: Outgoing = {
      client_id: message.client_id ?? this.#createClientId(),
      channel_id: message.channel_id,
      content: message.content,
      reply_to_id: message.reply_to_id ?? null,
      created_at: this.#port.environment.now(),
      state: "queued",
      error: null,
    };
    this.#replace([...this.#items, item]);
    this.#flush();
    return item;
  }

  /** Sends a failed message again. */
  retry(clientId: string): void {
    this.#update(clientId, (item) => (item.state === "failed" ? { ...item, state: "queued", error: null } : item));
    this.#flush();
  }

  /** Removes a message that is queued or failed. One that is being sent stays: the server may have it. */
  discard(clientId: string): void {
    this.#replace(this.#items.filter((item) => item.client_id !== clientId || item.state === "sending"));
  }

  /** Sets the person whose messages these are: their messages in the storage go first. */
  setOwner(owner: string): void {
    if (this.#owner !== null) return;
    this.#owner = owner;
    const stored = this.#load();
    if (stored.length + this.#items.length > 0) this.#replace([...stored, ...this.#items]);
  }

  /** The connection is live: pending messages are sent. */
  open(): void {
    this.#isOpen = true;
    this.#attempt = 0;
    this.#flush();
  }

  /** The connection is lost. */
  close(): void {
    this.#isOpen = false;
    if (this.#timer !== null) this.#port.environment.clearTimer(this.#timer);
    this.#timer = null;
  }

  #flush(): void {
    if (!this.#isOpen || this.#timer !== null) return;
    const busy = new Set(this.#items.filter((item) => item.state === "sending").map((item) => item.channel_id));
    for (const item of this.#items) {
      if (item.state !== "queued" || busy.has(item.channel_id)) continue;
      busy.add(item.channel_id);
      this.#send(item);
    }
  }

  #send({ client_id, channel_id, content, reply_to_id }: Outgoing): void {
    const id = this.#port.commands.send(
      "message:send",
      { channel_id, content, client_id, ...(reply_to_id === null ? {} : { reply_to_id }) },
      (frame) => this.#acknowledged(client_id, frame.payload as Partial<MessagePayload>),
      (error) => this.#failed(client_id, error),
    );
    if (id !== null) this.#update(client_id, (item) => ({ ...item, state: "sending" }));
  }

  #acknowledged(clientId: string, message: Partial<MessagePayload>): void {
    this.#attempt = 0;
    const item = this.#items.find((other) => other.client_id === clientId);
    this.#replace(this.#items.filter((other) => other.client_id !== clientId));
    if (item) this.#port.sent({ item, message });
    this.#flush();
  }

  /** A message that may succeed later keeps its position; any other is shown as failed, and the next one is sent. */
  #failed(clientId: string, error: UsherError): void {
    if (!error.retry) {
      this.#update(clientId, (item) => ({
        ...item,
        state: "failed",
        error: { code: error.code, message: error.message },
      }));
      this.#flush();
      return;
    }
    this.#update(clientId, (item) => ({ ...item, state: "queued" }));
    if (!this.#isOpen || this.#timer !== null || error.code === "disconnected") return;
    const { environment } = this.#port;
    this.#timer = environment.setTimer(() => {
      this.#timer = null;
      this.#flush();
    }, 500 + backoff(this.#attempt, environment));
    this.#attempt += 1;
  }

  #update(clientId: string, change: (item: Outgoing) => Outgoing): void {
    this.#replace(this.#items.map((item) => (item.client_id === clientId ? change(item) : item)));
  }

  #replace(items: Outgoing[]): void {
    this.#items = items;
    this.#save();
    this.#port.changed(items);
  }

  #createClientId(): string {
    const { environment } = this.#port;
    const random = () => Math.floor(environment.random() * 2 ** 32).toString(36);
    return `${environment.now().toString(36)}-${random()}${random()}${random()}`;
  }

  /**
   * A message in flight when the page was closed may have arrived; sent again with its client id it is the same message.
   * A refused one stays refused, with its reason. Content that cannot be parsed is dropped.
   */
  #load(): Outgoing[] {
    const text = this.#owner === null ? null : this.#port.storage?.getItem(storageKey(this.#owner));
    if (!text) return [];
    try {
      return (JSON.parse(text) as Outgoing[]).map((item) =>
        item.state === "failed" ? item : { ...item, state: "queued" },
      );
    } catch {
      return [];
    }
  }

  #save(): void {
    const { storage } = this.#port;
    if (this.#owner === null) return;
    try {
      if (this.#items.length === 0) storage?.removeItem(storageKey(this.#owner));
      else storage?.setItem(storageKey(this.#owner), JSON.stringify(this.#items));
    } catch {
      // The storage is full or forbidden: the messages then last as long as the page.
    }
  }
}

/** Each person has their own key, so that one never sends another's messages. */
function storageKey(owner: string): string {
  return `usher:outbox:${owner}`;
}

import type { MessagePayload } from "../protocol/frames.ts";
import { backoff } from "./backoff.ts";
import type { Commands } from "./commands.ts";
import type { Environment, Timer } from "./environment.ts";
import { UsherError } from "./errors.ts";

/** A message that is on its way. `failed`: the server refused it; it waits for `retry` or `discard`. */
export interface Outgoing {
  readonly client_id: string;
  readonly channel_id: string;
  readonly content: string;
  readonly reply_to_id: string | null;
  /** Unix time in ms at which it was written. */
  readonly created_at: number;
  readonly state: "queued" | "sending" | "failed";
  /** Why it failed: plain values, which outlive the page with it. */
  readonly error: Pick<UsherError, "code" | "message"> | null;
}

/** What the server says of a message that has arrived. */
export interface Sent {
  item: Outgoing;
  message: Partial<MessagePayload>;
}

/** Where unsent messages outlive the page: `sessionStorage` fits, as every tab has its own. */
export type OutboxStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface OutboxPort {
  environment: Environment;
  commands: Commands;
  storage: OutboxStorage | null;
  /** Id of the person whose messages these are; null: not known yet. Then nothing is read from the storage or put there. */
  owner: string | null;
  changed(items: readonly Outgoing[]): void;
  sent(sent: Sent): void;
}

const MAX_MESSAGES = 200;

/**
 * Messages wait here until the server has them. Those of one channel go one after another, in the order they were written.
 * Each carries a client id, so a repeat after a broken link is the same message to the server.
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

  /** Takes a message. Throws UsherError `outbox_full` when 200 wait already. */
  add(message: { channel_id: string; content: string; reply_to_id?: string | null; client_id?: string }): Outgoing {
    if (this.#items.length >= MAX_MESSAGES) {
      throw new UsherError("outbox_full", "Too many messages wait to be sent. Discard some first.", { retry: true });
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

  /** Takes a message out that is queued or failed. One that is being sent stays: the server may have it. */
  discard(clientId: string): void {
    this.#replace(this.#items.filter((item) => item.client_id !== clientId || item.state === "sending"));
  }

  /** It is known now whose messages these are: those that this person left in the storage go first. */
  belongTo(owner: string): void {
    if (this.#owner !== null) return;
    this.#owner = owner;
    const left = this.#load();
    if (left.length + this.#items.length > 0) this.#replace([...left, ...this.#items]);
  }

  /** The connection is live: what waits is sent. */
  open(): void {
    this.#isOpen = true;
    this.#attempt = 0;
    this.#flush();
  }

  /** The connection is gone. */
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

  /** What may succeed later keeps its place in the queue; what may not is shown as failed, and the next one goes. */
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
   * What was on its way when the page went may have arrived; sent again with its client id it is the same message.
   * What was refused stays so, with its reason. What cannot be read is nobody's.
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
      // The storage is full or forbidden: the queue then lives as long as the page, which `items` goes on to show.
    }
  }
}

/** Each person has a key of their own, so that nobody sends another one's messages. */
function storageKey(owner: string): string {
  return `usher:outbox:${owner}`;
}

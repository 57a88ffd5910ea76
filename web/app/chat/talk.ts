import type { Message, Position, PublicUser } from "../../../protocol/objects.ts";
import type { Client } from "../../../sdk/client.ts";
import { UsherError } from "../../../sdk/errors.ts";
import type { RoomFrame } from "../../../sdk/follower.ts";
import type { Outgoing } from "../../../sdk/outbox.ts";
import type { RoomPresence } from "../../../sdk/presence.ts";
import { type MessagePage, positionOf } from "../../../sdk/rest.ts";
import { type Conversation, fromPage, trimmed, withFrame, withMessage, withNewer, withOlder } from "./conversation.ts";
import { nameOf, People } from "./people.ts";
import type { Sight } from "./sight.ts";
import { Value } from "./value.ts";

const PAGE = 50;
/** Frames that are remembered, to be laid over a page of messages that was read before they came. */
const RECENT_MAX = 500;

export interface TalkHandlers {
  /** Somebody else wrote just now. */
  said(name: string, content: string): void;
  /** Members came, went or changed. */
  membersChanged(): void;
}

/** One channel's conversation on the screen: a window on its messages, and the own ones that are on their way. */
export class Talk {
  readonly channelId: string;
  readonly window: Value<Conversation>;
  readonly outgoing = new Value<readonly Outgoing[]>([]);
  /** Originals of replies, by id; null: gone, or not to be seen. */
  readonly quoted: Value<ReadonlyMap<string, Message | null>>;
  /** Those who wrote what is shown. */
  readonly people: People;
  /** Which members are online now; null: not known. */
  readonly here: Value<RoomPresence | null>;
  /** Which part of it the reader sees; the list says so. */
  readonly sight = new Value<Sight>({ first: null, last: null, read: null, following: false });
  readonly #start: Position;
  #client: Client | null = null;
  #recent: RoomFrame[] = [];
  /** Sent and taken, but not yet come back through the stream: shown until then. */
  #arriving: readonly Outgoing[] = [];
  #paging: Promise<void> | null = null;

  constructor(
    channelId: string,
    page: MessagePage,
    quoted: readonly Message[],
    people: readonly PublicUser[],
    here: RoomPresence | null,
  ) {
    this.channelId = channelId;
    this.window = new Value(fromPage(page));
    this.quoted = new Value(new Map(quoted.map((message) => [message.id, message])));
    this.people = new People(people);
    this.here = new Value(here);
    this.#start = positionOf(page);
  }

  /** Follows the channel from where its page was read. Answers the function that ends it. */
  connect(client: Client, me: string, { said, membersChanged }: TalkHandlers): () => void {
    this.#client = client;
    const room = `channel:${this.channelId}`;
    this.#listOutgoing();
    const stops = [
      client.on("outbox", () => this.#listOutgoing()),
      client.on("sent", ({ item }) => {
        if (item.channel_id !== this.channelId || this.#has(item)) return;
        this.#arriving = [...this.#arriving, item];
        this.#listOutgoing();
      }),
      client.follow(room, this.#start, {
        frame: (frame) => {
          this.#take(frame);
          if (frame.type === "message:created" && frame.payload.user_id !== me) {
            said(nameOf(this.people.names.get(), frame.payload), frame.payload.content);
          }
          if (frame.type.startsWith("member:")) membersChanged();
        },
        presence: (now) => this.here.set(now),
        reset: () => this.#readAgain(client),
      }),
    ];
    return () => {
      this.#client = null;
      for (const stop of stops) stop();
    };
  }

  send(content: string, replyToId: string | null): void {
    this.#live.outbox.add({ channel_id: this.channelId, content, reply_to_id: replyToId });
  }

  async edit(messageId: string, content: string): Promise<void> {
    const message = await this.#live.rest.messages.edit(messageId, content);
    this.window.change((here) => withMessage(here, message));
  }

  async remove(messageId: string): Promise<void> {
    await this.#live.rest.messages.delete(messageId);
    const deleted_at = new Date().toISOString();
    this.window.change((here) => ({
      ...here,
      messages: here.messages.map((message) =>
        message.id === messageId ? { ...message, content: "", deleted_at } : message,
      ),
    }));
  }

  /** Reads the page before the window. Several calls at once are one. */
  loadOlder(): Promise<void> {
    const first = this.window.get().messages[0];
    if (!this.window.get().older || !first) return Promise.resolve();
    return this.#page(async ({ rest }) => {
      const page = await rest.messages.list(this.channelId, { before: first.id, limit: PAGE });
      const { last } = this.sight.get();
      // Another window may have been loaded meanwhile: the page would leave a gap.
      this.#show((here) => (here.messages[0]?.id === first.id ? withOlder(here, page, last) : here), page);
    });
  }

  loadNewer(): Promise<void> {
    const last = this.window.get().messages.at(-1);
    if (!this.window.get().newer || !last) return Promise.resolve();
    return this.#page(async ({ rest }) => {
      const page = await rest.messages.list(this.channelId, { after: last.id, limit: PAGE });
      const { first } = this.sight.get();
      this.#show((here) => (here.messages.at(-1)?.id === last.id ? withNewer(here, page, first) : here), page);
    });
  }

  /** Shows the end of the channel. */
  showLatest(): Promise<void> {
    if (!this.window.get().newer) return Promise.resolve();
    return this.#replace({});
  }

  /** Shows a message with what stands around it. */
  showAround(messageId: string): Promise<void> {
    if (this.window.get().messages.some(({ id }) => id === messageId)) return Promise.resolve();
    return this.#replace({ around: messageId });
  }

  async #replace(where: { around?: string }): Promise<void> {
    const page = await this.#live.rest.messages.list(this.channelId, { ...where, limit: PAGE });
    this.#show(() => fromPage(page), page);
  }

  #page(read: (client: Client) => Promise<void>): Promise<void> {
    this.#paging ??= read(this.#live).finally(() => {
      this.#paging = null;
    });
    return this.#paging;
  }

  /** The stream could not go on: everything is read again. */
  async #readAgain({ rest }: Client): Promise<Position> {
    const { following, first } = this.sight.get();
    const page = await this.#pageAround(rest, following ? null : first);
    this.#recent = [];
    this.window.set(fromPage(page));
    void this.people.meet(rest, page.data);
    this.#listOutgoing();
    return positionOf(page);
  }

  /** A reader of old messages goes on there; where that message is gone, at the end. */
  async #pageAround(rest: Client["rest"], messageId: string | null): Promise<MessagePage> {
    if (messageId === null) return rest.messages.list(this.channelId, { limit: PAGE });
    try {
      return await rest.messages.list(this.channelId, { around: messageId, limit: PAGE });
    } catch (error) {
      if (error instanceof UsherError && error.code === "not_found") return this.#pageAround(rest, null);
      throw error;
    }
  }

  /** Lays over a page what came through the stream after it was read. */
  #show(how: (here: Conversation) => Conversation, page: MessagePage): void {
    const newer = this.#recent.filter(({ seq }) => seq > page.head_seq);
    this.window.change((here) => newer.reduce(withFrame, how(here)));
    void this.people.meet(this.#live.rest, page.data);
    void this.#readQuoted(page.data);
  }

  #take(frame: RoomFrame): void {
    this.#recent = [...this.#recent.slice(1 - RECENT_MAX), frame];
    this.window.change((here) =>
      this.sight.get().following ? trimmed(withFrame(here, frame)) : withFrame(here, frame),
    );
    if (frame.type !== "message:created") return;
    this.#listOutgoing();
    void this.people.meet(this.#live.rest, [frame.payload]);
    if (frame.payload.reply_to_id !== null) void this.#readQuoted([{ reply_to_id: frame.payload.reply_to_id }]);
  }

  /** Fetches originals that are neither on the screen nor known yet. */
  async #readQuoted(replies: readonly Pick<Message, "reply_to_id">[]): Promise<void> {
    const shown = new Set(this.window.get().messages.map(({ id }) => id));
    const wanted = new Set<string>();
    for (const { reply_to_id: id } of replies)
      if (id !== null && !shown.has(id) && !this.quoted.get().has(id)) wanted.add(id);
    for (const id of wanted) {
      const message = await this.#live.rest.messages.get(id).catch(() => null);
      this.quoted.change((known) => new Map(known).set(id, message));
      if (message) void this.people.meet(this.#live.rest, [message]);
    }
  }

  #listOutgoing(): void {
    this.#arriving = this.#arriving.filter((item) => !this.#has(item));
    const waiting = this.#client?.outbox.items ?? [];
    const mine = [...this.#arriving, ...waiting].filter(
      (item) => item.channel_id === this.channelId && !this.#has(item),
    );
    this.outgoing.set(mine);
  }

  #has({ client_id }: Outgoing): boolean {
    return this.window.get().messages.some((message) => message.client_id === client_id);
  }

  get #live(): Client {
    if (!this.#client) throw new Error("The conversation is not connected yet.");
    return this.#client;
  }
}

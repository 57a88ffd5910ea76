import type { Message, Position, PublicUser } from "../../../protocol/objects.ts";
import type { Client } from "../../../sdk/client.ts";
import { UsherError } from "../../../sdk/errors.ts";
import type { RoomFrame } from "../../../sdk/follower.ts";
import type { Outgoing } from "../../../sdk/outbox.ts";
import type { RoomPresence } from "../../../sdk/presence.ts";
import { getPosition, type MessagePage } from "../../../sdk/rest.ts";
import { DisplayNames, getDisplayName } from "./display-names.ts";
import { fromPage, type MessageWindow, trim, withFrame, withMessage, withNewer, withOlder } from "./message-window.ts";
import { Observable } from "./observable.ts";
import type { VisibleRange } from "./visible-range.ts";

const PAGE_SIZE = 50;
/** Maximum number of recent frames, to be applied to a page of messages that was read before them. */
const MAX_RECENT = 500;

export interface ChannelViewHandlers {
  /** A new message of another user. */
  onMessage(name: string, content: string): void;
  /** Members joined, left or changed. */
  onMembersChange(): void;
}

/** One channel's conversation on the screen: a window on its messages, and the user's outgoing ones. */
export class ChannelView {
  readonly channelId: string;
  readonly window: Observable<MessageWindow>;
  readonly outgoing = new Observable<readonly Outgoing[]>([]);
  /** Originals of replies, by id; null: deleted, or not visible to the user. */
  readonly quoted: Observable<ReadonlyMap<string, Message | null>>;
  /** The names of the authors of what is shown. */
  readonly displayNames: DisplayNames;
  /** Which members are online now; null: not known. */
  readonly presence: Observable<RoomPresence | null>;
  /** Which part of it the reader sees; set by the list. */
  readonly visibleRange = new Observable<VisibleRange>({ first: null, last: null, read: null, following: false });
  readonly #startPosition: Position;
  #client: Client | null = null;
  #recent: RoomFrame[] = [];
  /** Acknowledged by the server, but not received through the stream yet: shown until then. */
  #acknowledged: readonly Outgoing[] = [];
  #pendingPage: Promise<void> | null = null;

  constructor(
    channelId: string,
    page: MessagePage,
    quoted: readonly Message[],
    people: readonly PublicUser[],
    presence: RoomPresence | null,
  ) {
    this.channelId = channelId;
    this.window = new Observable(fromPage(page));
    this.quoted = new Observable(new Map(quoted.map((message) => [message.id, message])));
    this.displayNames = new DisplayNames(people);
    this.presence = new Observable(presence);
    this.#startPosition = getPosition(page);
  }

  /** Follows the channel from where its page was read. Returns the function that ends it. */
  connect(client: Client, me: string, { onMessage, onMembersChange }: ChannelViewHandlers): () => void {
    this.#client = client;
    const room = `channel:${this.channelId}`;
    this.#updateOutgoing();
    const stops = [
      client.on("outbox", () => this.#updateOutgoing()),
      client.on("sent", ({ item }) => {
        if (item.channel_id !== this.channelId || this.#isShown(item)) return;
        this.#acknowledged = [...this.#acknowledged, item];
        this.#updateOutgoing();
      }),
      client.follow(room, this.#startPosition, {
        frame: (frame) => {
          this.#applyFrame(frame);
          if (frame.type === "message:created" && frame.payload.user_id !== me) {
            onMessage(getDisplayName(this.displayNames.names.get(), frame.payload), frame.payload.content);
          }
          if (frame.type.startsWith("member:")) onMembersChange();
        },
        presence: (now) => this.presence.set(now),
        reset: () => this.#reload(client),
      }),
    ];
    return () => {
      this.#client = null;
      for (const stop of stops) stop();
    };
  }

  /** Throws when the outbox is full. */
  send(content: string, replyToId: string | null): void {
    this.#connectedClient.outbox.add({ channel_id: this.channelId, content, reply_to_id: replyToId });
  }

  async edit(messageId: string, content: string): Promise<void> {
    const message = await this.#connectedClient.rest.messages.edit(messageId, content);
    this.window.update((window) => withMessage(window, message));
  }

  async remove(messageId: string): Promise<void> {
    await this.#connectedClient.rest.messages.delete(messageId);
    const deleted_at = new Date().toISOString();
    this.window.update((window) => ({
      ...window,
      messages: window.messages.map((message) =>
        message.id === messageId ? { ...message, content: "", deleted_at } : message,
      ),
    }));
  }

  /** Reads the page before the window. Concurrent calls are one. */
  loadOlder(): Promise<void> {
    const first = this.window.get().messages[0];
    if (!this.window.get().hasOlder || !first) return Promise.resolve();
    return this.#loadPage(async ({ rest }) => {
      const page = await rest.messages.list(this.channelId, { before: first.id, limit: PAGE_SIZE });
      const { last } = this.visibleRange.get();
      // Another window may have been loaded meanwhile: the page would leave a gap.
      this.#applyPage((window) => (window.messages[0]?.id === first.id ? withOlder(window, page, last) : window), page);
    });
  }

  loadNewer(): Promise<void> {
    const last = this.window.get().messages.at(-1);
    if (!this.window.get().hasNewer || !last) return Promise.resolve();
    return this.#loadPage(async ({ rest }) => {
      const page = await rest.messages.list(this.channelId, { after: last.id, limit: PAGE_SIZE });
      const { first } = this.visibleRange.get();
      this.#applyPage(
        (window) => (window.messages.at(-1)?.id === last.id ? withNewer(window, page, first) : window),
        page,
      );
    });
  }

  /** Shows the end of the channel. */
  showLatest(): Promise<void> {
    if (!this.window.get().hasNewer) return Promise.resolve();
    return this.#replace({});
  }

  /** Shows a message with those around it. */
  showAround(messageId: string): Promise<void> {
    if (this.window.get().messages.some(({ id }) => id === messageId)) return Promise.resolve();
    return this.#replace({ around: messageId });
  }

  async #replace(where: { around?: string }): Promise<void> {
    const page = await this.#connectedClient.rest.messages.list(this.channelId, { ...where, limit: PAGE_SIZE });
    this.#applyPage(() => fromPage(page), page);
  }

  #loadPage(read: (client: Client) => Promise<void>): Promise<void> {
    this.#pendingPage ??= read(this.#connectedClient).finally(() => {
      this.#pendingPage = null;
    });
    return this.#pendingPage;
  }

  /** The stream could not continue: everything is read again. */
  async #reload({ rest }: Client): Promise<Position> {
    const { following, first } = this.visibleRange.get();
    const page = await this.#loadAround(rest, following ? null : first);
    this.#recent = [];
    this.window.set(fromPage(page));
    void this.displayNames.loadMissing(rest, page.data);
    this.#updateOutgoing();
    return getPosition(page);
  }

  /** A reader of old messages stays there; if that message is gone, the end is shown. */
  async #loadAround(rest: Client["rest"], messageId: string | null): Promise<MessagePage> {
    if (messageId === null) return rest.messages.list(this.channelId, { limit: PAGE_SIZE });
    try {
      return await rest.messages.list(this.channelId, { around: messageId, limit: PAGE_SIZE });
    } catch (error) {
      if (error instanceof UsherError && error.code === "not_found") return this.#loadAround(rest, null);
      throw error;
    }
  }

  /** Applies a page, and then the frames that arrived after it was read. */
  #applyPage(how: (window: MessageWindow) => MessageWindow, page: MessagePage): void {
    const newer = this.#recent.filter(({ seq }) => seq > page.head_seq);
    this.window.update((window) => newer.reduce(withFrame, how(window)));
    void this.displayNames.loadMissing(this.#connectedClient.rest, page.data);
    void this.#loadQuoted(page.data);
  }

  #applyFrame(frame: RoomFrame): void {
    this.#recent = [...this.#recent.slice(1 - MAX_RECENT), frame];
    this.window.update((window) =>
      this.visibleRange.get().following ? trim(withFrame(window, frame)) : withFrame(window, frame),
    );
    if (frame.type !== "message:created") return;
    this.#updateOutgoing();
    void this.displayNames.loadMissing(this.#connectedClient.rest, [frame.payload]);
    if (frame.payload.reply_to_id !== null) void this.#loadQuoted([{ reply_to_id: frame.payload.reply_to_id }]);
  }

  /** Fetches originals that are neither shown nor known yet. */
  async #loadQuoted(replies: readonly Pick<Message, "reply_to_id">[]): Promise<void> {
    const shown = new Set(this.window.get().messages.map(({ id }) => id));
    const wanted = new Set<string>();
    for (const { reply_to_id: id } of replies)
      if (id !== null && !shown.has(id) && !this.quoted.get().has(id)) wanted.add(id);
    for (const id of wanted) {
      const message = await this.#connectedClient.rest.messages.get(id).catch(() => null);
      this.quoted.update((known) => new Map(known).set(id, message));
      if (message) void this.displayNames.loadMissing(this.#connectedClient.rest, [message]);
    }
  }

  #updateOutgoing(): void {
    this.#acknowledged = this.#acknowledged.filter((item) => !this.#isShown(item));
    const waiting = this.#client?.outbox.items ?? [];
    const mine = [...this.#acknowledged, ...waiting].filter(
      (item) => item.channel_id === this.channelId && !this.#isShown(item),
    );
    this.outgoing.set(mine);
  }

  #isShown({ client_id }: Outgoing): boolean {
    return this.window.get().messages.some((message) => message.client_id === client_id);
  }

  get #connectedClient(): Client {
    if (!this.#client) throw new Error("The conversation is not connected yet.");
    return this.#client;
  }
}

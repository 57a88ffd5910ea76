import type { Channel, Me, Position } from "../../../protocol/objects.ts";
import type { RoomFrame } from "../../../sdk/follower.ts";
import { type Count, totalOf, type Unread, withCount, withFrame } from "./unread.ts";
import { Value } from "./value.ts";

/** What the server told when the page was made: the caller, his channels, and the place in the log each was read at. */
export interface HouseSnapshot {
  me: Me;
  channels: readonly Channel[];
  /** Place in `user:<me>` at which the list was read. */
  position: Position;
}

/** The list of channels with its unread counts: a snapshot, kept true by frames. */
export class House {
  readonly myId: string;
  readonly channels: Value<readonly Channel[]>;

  /** Last entry of the own room that the list reflects. */
  #ownSeq: number;
  readonly #unread = new Map<string, Unread>();
  /** `since`: where its log was; `isRead`: what was unread then has been marked meanwhile. */
  #watched: { channelId: string; since: number; isRead: boolean } | null = null;

  constructor({ me, channels, position }: HouseSnapshot) {
    this.myId = me.id;
    this.#ownSeq = position.seq;
    this.channels = new Value(ordered(channels));
    for (const channel of channels) this.#count(channel.id, channel);
  }

  /** The channel whose newest message is in sight now: what comes into it from now on will be marked read, and is not shown as unread. */
  get watched(): string | null {
    return this.#watched?.channelId ?? null;
  }

  set watched(channelId: string | null) {
    if (channelId === this.watched) return;
    const before = this.watched;
    this.#watched =
      channelId === null ? null : { channelId, since: this.find(channelId)?.last_seq ?? 0, isRead: false };
    for (const id of [before, channelId]) if (id !== null) this.#showUnread(id);
  }

  /** Takes a snapshot that stands for everything before it: the stream begins anew behind it. */
  replace({ channels, position }: Omit<HouseSnapshot, "me">): void {
    this.#ownSeq = position.seq;
    this.#unread.clear();
    this.channels.set(ordered(channels));
    for (const channel of channels) this.#count(channel.id, channel);
  }

  /** Takes a snapshot that was read while the stream went on: what the stream has told since is newer. */
  refresh({ channels, position }: Omit<HouseSnapshot, "me">): void {
    if (position.seq < this.#ownSeq) return;
    const newest = channels.map((channel) => {
      const known = this.find(channel.id);
      if (known && known.last_seq > channel.last_seq) return known;
      this.#unread.set(channel.id, withCount(this.#unread.get(channel.id), channel));
      if (!known || known.last_read_seq <= channel.last_read_seq) return channel;
      return { ...channel, last_read_id: known.last_read_id, last_read_seq: known.last_read_seq };
    });
    this.channels.set(ordered(newest));
    for (const { id } of newest) this.#showUnread(id);
  }

  find(channelId: string): Channel | undefined {
    return this.channels.get().find(({ id }) => id === channelId);
  }

  /** Applies a frame of `user:<me>`: a channel came or went. */
  ownFrame(frame: RoomFrame): void {
    this.#ownSeq = frame.seq;
    if (frame.type === "channel:joined") this.#put(frame.payload);
    if (frame.type === "channel:left") this.drop(frame.payload.channel_id);
  }

  /** Applies a frame of a joined channel's room. */
  channelFrame(channelId: string, frame: RoomFrame): void {
    // What the snapshot that was read last has in it already.
    if (frame.seq <= (this.find(channelId)?.last_seq ?? 0)) return;
    this.#change(channelId, (channel) => ({ ...channel, last_seq: frame.seq }));
    switch (frame.type) {
      case "message:created":
      case "message:deleted": {
        const unread = this.#unread.get(channelId);
        if (unread) this.#unread.set(channelId, withFrame(unread, frame, this.myId));
        this.#showUnread(channelId);
        break;
      }
      case "channel:updated":
        this.#change(channelId, (channel) => ({ ...channel, name: frame.payload.name, topic: frame.payload.topic }));
        break;
      case "channel:deleted":
        this.drop(channelId);
        break;
      case "member:joined":
        this.#change(channelId, (channel) => ({ ...channel, member_count: channel.member_count + 1 }));
        break;
      case "member:left":
        if (frame.payload.user_id === this.myId) this.drop(channelId);
        else this.#change(channelId, (channel) => ({ ...channel, member_count: channel.member_count - 1 }));
        break;
      case "member:updated":
        if (frame.payload.user.id === this.myId) {
          this.#change(channelId, (channel) => ({ ...channel, role: frame.payload.role }));
        }
        break;
    }
  }

  /**
   * The read mark is here now, by this or another device. What is told late, after a mark further on, changes nothing.
   * `last_seq`: where `unread` was counted; left out: at the last entry that the list reflects.
   */
  marked(
    channelId: string,
    mark: Pick<Channel, "last_read_seq" | "unread"> & { last_read_id: string; last_seq?: number },
  ): void {
    const known = this.find(channelId);
    if (!known) return;
    const { last_read_id, last_read_seq, unread, last_seq = known.last_seq } = mark;
    this.#change(channelId, (channel) =>
      last_read_seq < channel.last_read_seq ? channel : { ...channel, last_read_id, last_read_seq },
    );
    // What the server counted on its way here is read as soon as it comes.
    if (this.#watched?.channelId === channelId) this.#watched.isRead = true;
    this.#count(channelId, { last_read_seq, unread, last_seq });
  }

  #count(channelId: string, count: Count): void {
    this.#unread.set(channelId, withCount(this.#unread.get(channelId), count));
    this.#showUnread(channelId);
  }

  #showUnread(channelId: string): void {
    const known = this.#unread.get(channelId);
    if (!known) return;
    const watched = this.#watched?.channelId === channelId ? this.#watched : null;
    const unread = watched?.isRead ? 0 : totalOf(known, watched?.since);
    if (unread !== this.find(channelId)?.unread) this.#change(channelId, (channel) => ({ ...channel, unread }));
  }

  #put(channel: Channel): void {
    if (this.find(channel.id)) this.#change(channel.id, () => channel);
    else this.channels.change((channels) => ordered([...channels, channel]));
    this.#count(channel.id, channel);
  }

  /** Takes a channel out of the list. */
  drop(channelId: string): void {
    this.#unread.delete(channelId);
    this.channels.change((channels) => channels.filter(({ id }) => id !== channelId));
  }

  #change(channelId: string, how: (channel: Channel) => Channel): void {
    this.channels.change((channels) => channels.map((channel) => (channel.id === channelId ? how(channel) : channel)));
  }
}

/** How a channel is called in lists and titles. */
export function titleOf(channel: Pick<Channel, "name" | "peer">): string {
  return channel.name ?? channel.peer?.name ?? channel.peer?.username ?? "Direct chat";
}

function ordered(channels: readonly Channel[]): readonly Channel[] {
  return [...channels].sort((a, b) => titleOf(a).localeCompare(titleOf(b), "en"));
}

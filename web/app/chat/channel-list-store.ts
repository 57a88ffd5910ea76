import type { Channel, Me, Position } from "../../../protocol/objects.ts";
import type { RoomFrame } from "../../../sdk/follower.ts";
import { Observable } from "./observable.ts";
import { countUnread, type UnreadCount, type UnreadState, withCount, withFrame } from "./unread.ts";

/** What the server read for the page: the caller, their channels, and the position of each in its log. */
export interface ChannelListSnapshot {
  me: Me;
  channels: readonly Channel[];
  /** Position in `user:<me>` at which the list was read. */
  position: Position;
}

/** The list of channels with its unread counts: a snapshot, kept up to date by frames. */
export class ChannelListStore {
  readonly userId: string;
  readonly channels: Observable<readonly Channel[]>;

  /** Last entry of the own room that the list reflects. */
  #userRoomSeq: number;
  readonly #unread = new Map<string, UnreadState>();
  /** `since`: the head of its log then; `isRead`: what was unread then has been marked read since. */
  #active: { channelId: string; since: number; isRead: boolean } | null = null;

  constructor({ me, channels, position }: ChannelListSnapshot) {
    this.userId = me.id;
    this.#userRoomSeq = position.seq;
    this.channels = new Observable(sortByTitle(channels));
    for (const channel of channels) this.#setCount(channel.id, channel);
  }

  /** The channel whose newest message is visible now: new messages in it are marked read, and not shown as unread. */
  get activeChannelId(): string | null {
    return this.#active?.channelId ?? null;
  }

  set activeChannelId(channelId: string | null) {
    if (channelId === this.activeChannelId) return;
    const before = this.activeChannelId;
    this.#active = channelId === null ? null : { channelId, since: this.find(channelId)?.last_seq ?? 0, isRead: false };
    for (const id of [before, channelId]) if (id !== null) this.#updateUnread(id);
  }

  /** Replaces everything by a snapshot: the stream continues after it. */
  replace({ channels, position }: Omit<ChannelListSnapshot, "me">): void {
    this.#userRoomSeq = position.seq;
    this.#unread.clear();
    this.channels.set(sortByTitle(channels));
    for (const channel of channels) this.#setCount(channel.id, channel);
  }

  /** Merges a snapshot that was read while the stream continued: what frames have changed since is newer. */
  refresh({ channels, position }: Omit<ChannelListSnapshot, "me">): void {
    if (position.seq < this.#userRoomSeq) return;
    const newest = channels.map((channel) => {
      const known = this.find(channel.id);
      if (known && known.last_seq > channel.last_seq) return known;
      this.#unread.set(channel.id, withCount(this.#unread.get(channel.id), channel));
      if (!known || known.last_read_seq <= channel.last_read_seq) return channel;
      return { ...channel, last_read_id: known.last_read_id, last_read_seq: known.last_read_seq };
    });
    this.channels.set(sortByTitle(newest));
    for (const { id } of newest) this.#updateUnread(id);
  }

  find(channelId: string): Channel | undefined {
    return this.channels.get().find(({ id }) => id === channelId);
  }

  /** Applies a frame of `user:<me>`: a channel was joined or left. */
  applyUserFrame(frame: RoomFrame): void {
    this.#userRoomSeq = frame.seq;
    if (frame.type === "channel:joined") this.#upsert(frame.payload);
    if (frame.type === "channel:left") this.remove(frame.payload.channel_id);
  }

  /** Applies a frame of a joined channel's room. */
  applyChannelFrame(channelId: string, frame: RoomFrame): void {
    // The last snapshot contains it already.
    if (frame.seq <= (this.find(channelId)?.last_seq ?? 0)) return;
    this.#update(channelId, (channel) => ({ ...channel, last_seq: frame.seq }));
    switch (frame.type) {
      case "message:created":
      case "message:deleted": {
        const unread = this.#unread.get(channelId);
        if (unread) this.#unread.set(channelId, withFrame(unread, frame, this.userId));
        this.#updateUnread(channelId);
        break;
      }
      case "channel:updated":
        this.#update(channelId, (channel) => ({ ...channel, name: frame.payload.name, topic: frame.payload.topic }));
        break;
      case "channel:deleted":
        this.remove(channelId);
        break;
      case "member:joined":
        this.#update(channelId, (channel) => ({ ...channel, member_count: channel.member_count + 1 }));
        break;
      case "member:left":
        if (frame.payload.user_id === this.userId) this.remove(channelId);
        else this.#update(channelId, (channel) => ({ ...channel, member_count: channel.member_count - 1 }));
        break;
      case "member:updated":
        if (frame.payload.user.id === this.userId) {
          this.#update(channelId, (channel) => ({ ...channel, role: frame.payload.role }));
        }
        break;
    }
  }

  /**
   * Sets the read mark, of this or another device. A late one, after a mark further on, changes nothing.
   * `last_seq`: where `unread` was counted; left out: at the last entry that the list reflects.
   */
  setReadMark(
    channelId: string,
    mark: Pick<Channel, "last_read_seq" | "unread"> & { last_read_id: string; last_seq?: number },
  ): void {
    const known = this.find(channelId);
    if (!known) return;
    const { last_read_id, last_read_seq, unread, last_seq = known.last_seq } = mark;
    this.#update(channelId, (channel) =>
      last_read_seq < channel.last_read_seq ? channel : { ...channel, last_read_id, last_read_seq },
    );
    // What the server counted and has not arrived yet is read as soon as it arrives.
    if (this.#active?.channelId === channelId) this.#active.isRead = true;
    this.#setCount(channelId, { last_read_seq, unread, last_seq });
  }

  #setCount(channelId: string, count: UnreadCount): void {
    this.#unread.set(channelId, withCount(this.#unread.get(channelId), count));
    this.#updateUnread(channelId);
  }

  #updateUnread(channelId: string): void {
    const known = this.#unread.get(channelId);
    if (!known) return;
    const active = this.#active?.channelId === channelId ? this.#active : null;
    const unread = active?.isRead ? 0 : countUnread(known, active?.since);
    if (unread !== this.find(channelId)?.unread) this.#update(channelId, (channel) => ({ ...channel, unread }));
  }

  #upsert(channel: Channel): void {
    if (this.find(channel.id)) this.#update(channel.id, () => channel);
    else this.channels.update((channels) => sortByTitle([...channels, channel]));
    this.#setCount(channel.id, channel);
  }

  /** Removes a channel from the list. */
  remove(channelId: string): void {
    this.#unread.delete(channelId);
    this.channels.update((channels) => channels.filter(({ id }) => id !== channelId));
  }

  #update(channelId: string, change: (channel: Channel) => Channel): void {
    this.channels.update((channels) =>
      channels.map((channel) => (channel.id === channelId ? change(channel) : channel)),
    );
  }
}

/** The title of a channel in lists and headings. */
export function channelTitle(channel: Pick<Channel, "name" | "peer">): string {
  return channel.name ?? channel.peer?.name ?? channel.peer?.username ?? "Direct chat";
}

function sortByTitle(channels: readonly Channel[]): readonly Channel[] {
  return [...channels].sort((a, b) => channelTitle(a).localeCompare(channelTitle(b), "en"));
}

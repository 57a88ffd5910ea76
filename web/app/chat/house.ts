import type { Channel, Me, Position } from "../../../protocol/objects.ts";
import type { RoomFrame } from "../../../sdk/follower.ts";
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
  /** The channel whose newest message is in sight now; what comes into it is read at once. */
  watched: string | null = null;

  /** Last entry of the own room that the list reflects. */
  #ownSeq: number;

  constructor({ me, channels, position }: HouseSnapshot) {
    this.myId = me.id;
    this.#ownSeq = position.seq;
    this.channels = new Value(ordered(channels));
  }

  /** Takes a snapshot that stands for everything before it: the stream begins anew behind it. */
  replace({ channels, position }: Omit<HouseSnapshot, "me">): void {
    this.#ownSeq = position.seq;
    this.channels.set(ordered(channels));
  }

  /** Takes a snapshot that was read while the stream went on: what the stream has told since is newer. */
  refresh({ channels, position }: Omit<HouseSnapshot, "me">): void {
    if (position.seq < this.#ownSeq) return;
    const newest = channels.map((channel) => {
      const known = this.find(channel.id);
      return known && known.last_seq > channel.last_seq ? known : channel;
    });
    this.channels.set(ordered(newest));
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
    this.#change(channelId, (channel) => ({ ...channel, last_seq: frame.seq }));
    switch (frame.type) {
      case "message:created":
        if (frame.payload.user_id !== this.myId && this.watched !== channelId) {
          this.#change(channelId, (channel) => ({ ...channel, unread: Math.min(100, channel.unread + 1) }));
        }
        break;
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

  /** The read mark is here now, by this or another device. What is told late, after a mark further on, changes nothing. */
  marked(channelId: string, mark: Pick<Channel, "last_read_seq" | "unread"> & { last_read_id: string }): void {
    const { last_read_id, last_read_seq } = mark;
    // What the server counted on its way here is read as soon as it comes.
    const unread = this.watched === channelId ? 0 : mark.unread;
    this.#change(channelId, (channel) =>
      last_read_seq < channel.last_read_seq ? channel : { ...channel, last_read_id, last_read_seq, unread },
    );
  }

  #put(channel: Channel): void {
    if (this.find(channel.id)) this.#change(channel.id, () => channel);
    else this.channels.change((channels) => ordered([...channels, channel]));
  }

  /** Takes a channel out of the list. */
  drop(channelId: string): void {
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

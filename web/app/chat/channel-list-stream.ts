import type { Channel, Position } from "../../../protocol/objects.ts";
import type { Client } from "../../../sdk/client.ts";
import type { Page } from "../../../sdk/page.ts";
import type { ChannelListStore } from "./channel-list-store.ts";

type ChannelPage = Page<Channel> & { position: Position };

/**
 * Keeps the list of channels up to date: follows the person's own room and the room of every channel in the list, each from
 * the position at which it was read. `position`: where in `user:<me>` the list was read; its epoch is that of all rooms.
 */
export function followChannelList(client: Client, store: ChannelListStore, position: Position): () => void {
  const following = new Map<string, () => void>();
  let pendingReload: Promise<Position> | null = null;
  let { epoch } = position;

  /** All rooms that need a reset at the same time share one read of the list. */
  function reload(): Promise<Position> {
    pendingReload ??= readChannels(client)
      .then((read) => {
        store.replace(read);
        epoch = read.position.epoch;
        return read.position;
      })
      .finally(() => {
        pendingReload = null;
      });
    return pendingReload;
  }

  function followChannel({ id, last_seq }: Channel): void {
    const stop = client.follow(
      `channel:${id}`,
      { seq: last_seq, epoch },
      {
        frame: (frame) => store.applyChannelFrame(id, frame),
        reset: async () => {
          await reload();
          return { seq: store.find(id)?.last_seq ?? 0, epoch };
        },
        left: () => store.remove(id),
      },
    );
    following.set(id, stop);
  }

  function followAll(): void {
    const channels = store.channels.get();
    const wanted = new Set(channels.map(({ id }) => id));
    for (const [id, stop] of following) {
      if (wanted.has(id)) continue;
      stop();
      following.delete(id);
    }
    for (const channel of channels) if (!following.has(channel.id)) followChannel(channel);
  }

  const stops = [
    client.follow(`user:${store.userId}`, position, { frame: (frame) => store.applyUserFrame(frame), reset: reload }),
    client.on("read:marked", ({ channel_id, ...mark }) => store.setReadMark(channel_id, mark)),
    store.channels.subscribe(followAll),
  ];
  followAll();
  return () => {
    for (const stop of [...stops, ...following.values()]) stop();
  };
}

async function readChannels({ rest }: Client): Promise<{ channels: Channel[]; position: Position }> {
  const first = (await rest.channels.list({ scope: "joined", limit: 100 })) as ChannelPage;
  const channels = [...first.data];
  let { next } = first;
  while (next !== null) {
    const page = await rest.channels.list({ scope: "joined", limit: 100, after: next });
    channels.push(...page.data);
    next = page.next;
  }
  return { channels, position: first.position };
}

import type { Channel, Position } from "../../../protocol/objects.ts";
import type { Client } from "../../../sdk/client.ts";
import type { Page } from "../../../sdk/page.ts";
import type { House } from "./house.ts";

type ChannelPage = Page<Channel> & { position: Position };

/**
 * Keeps the list of channels true: follows the person's own room and the room of every channel in the list, each from the
 * place at which it was read. `position`: place in `user:<me>` at which the list was read; its epoch is that of all rooms.
 */
export function followHouse(client: Client, house: House, position: Position): () => void {
  const following = new Map<string, () => void>();
  let reading: Promise<Position> | null = null;
  let { epoch } = position;

  /** One reading of the whole list serves all rooms that lost their place at the same time. */
  function readAgain(): Promise<Position> {
    reading ??= readChannels(client)
      .then((read) => {
        house.replace(read);
        epoch = read.position.epoch;
        return read.position;
      })
      .finally(() => {
        reading = null;
      });
    return reading;
  }

  function followChannel({ id, last_seq }: Channel): void {
    const stop = client.follow(
      `channel:${id}`,
      { seq: last_seq, epoch },
      {
        frame: (frame) => house.channelFrame(id, frame),
        reset: async () => {
          await readAgain();
          return { seq: house.find(id)?.last_seq ?? 0, epoch };
        },
        left: () => house.drop(id),
      },
    );
    following.set(id, stop);
  }

  function followAll(): void {
    const channels = house.channels.get();
    const wanted = new Set(channels.map(({ id }) => id));
    for (const [id, stop] of following) {
      if (wanted.has(id)) continue;
      stop();
      following.delete(id);
    }
    for (const channel of channels) if (!following.has(channel.id)) followChannel(channel);
  }

  const stops = [
    client.follow(`user:${house.myId}`, position, { frame: (frame) => house.ownFrame(frame), reset: readAgain }),
    client.on("read:marked", ({ channel_id, ...mark }) => house.marked(channel_id, mark)),
    house.channels.subscribe(followAll),
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

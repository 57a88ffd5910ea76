import type { Channel, Message, PublicUser } from "../../../protocol/objects.ts";
import { UsherError } from "../../../sdk/errors.ts";
import type { Page } from "../../../sdk/page.ts";
import type { RoomPresence } from "../../../sdk/presence.ts";
import type { MessagePage } from "../../../sdk/rest.ts";
import type { ChannelListSnapshot } from "../chat/channel-list-store.ts";
import { getAuthorIds } from "../chat/display-names.ts";
import type { ApiClient } from "./api-client.ts";

/** Number of messages of the first page: a screen and a half, so that the first scroll up shows something. */
export const PAGE_SIZE = 50;
/** With more unread than this the page opens around the first unread message instead of at the end. */
const MAX_UNREAD_AT_END = 30;
/** Maximum number of pages of channels that are read for the sidebar: 20 × 100. */
const MAX_PAGES = 20;

/** The caller and all their channels. */
export async function readChannelList({ rest }: ApiClient): Promise<ChannelListSnapshot> {
  const [me, first] = await Promise.all([rest.users.me(), rest.channels.list({ scope: "joined", limit: 100 })]);
  const channels = [...first.data];
  let next = first.next;
  for (let page = 1; next !== null && page < MAX_PAGES; page += 1) {
    const more: Page<Channel> = await rest.channels.list({ scope: "joined", limit: 100, after: next });
    channels.push(...more.data);
    next = more.next;
  }
  return { me, channels, position: first.position };
}

/**
 * The path that a visitor opens first: the channel of the last visit, while they are a member; else one with unread messages, else
 * any; the list, for a visitor without channels. `lastChannel` comes from a cookie.
 */
export async function readStartPath({ rest }: Pick<ApiClient, "rest">, lastChannel: string | null): Promise<string> {
  const { data } = await rest.channels.list({ scope: "joined", limit: 100 });
  const last = data.find(({ id }) => id === lastChannel) ?? (await readJoined({ rest }, lastChannel));
  const first = last ?? data.find(({ unread }) => unread > 0) ?? data[0];
  return first ? `/channels/${first.id}` : "/channels";
}

/** A channel beyond the first page of the list. */
async function readJoined({ rest }: Pick<ApiClient, "rest">, id: string | null): Promise<Channel | null> {
  if (id === null || !/^\d{1,20}$/.test(id)) return null;
  try {
    const channel = await rest.channels.get(id);
    return channel.role === null ? null : channel;
  } catch (error) {
    if (error instanceof UsherError && error.status !== null && error.status < 500) return null;
    throw error;
  }
}

export interface ChannelData {
  channel: Channel;
  /** Null: the caller is not a member and may join. */
  page: MessagePage | null;
  /** Messages that the page's replies refer to and that are not on it. */
  quoted: Message[];
  /** The authors of all these. */
  people: PublicUser[];
  /** Which members are online now; null: not known. */
  presence: RoomPresence | null;
}

/** A channel and the page of its messages that the query selects (`at`, `before`, `after`; else where reading continues). */
export async function readChannel(
  { rest }: ApiClient,
  channelId: string,
  query: URLSearchParams,
): Promise<ChannelData> {
  const channel = await rest.channels.get(channelId);
  if (channel.role === null) return { channel, page: null, quoted: [], people: [], presence: null };
  const [page, presence] = await Promise.all([
    rest.messages.list(channelId, { ...pageQuery(channel, query), limit: PAGE_SIZE }),
    readPresence({ rest }, channelId),
  ]);
  const quoted = await readQuoted({ rest }, page.data);
  return { channel, page, quoted, people: await readAuthors({ rest }, [...page.data, ...quoted]), presence };
}

/** Optional: the page is shown without it after an error. */
async function readPresence({ rest }: Pick<ApiClient, "rest">, channelId: string): Promise<RoomPresence | null> {
  try {
    const { count, members = null } = await rest.rooms.presence(`channel:${channelId}`);
    return { count, members };
  } catch {
    return null;
  }
}

/** At most two for each message of a page: as many as the server returns at once. */
async function readAuthors({ rest }: Pick<ApiClient, "rest">, messages: readonly Message[]): Promise<PublicUser[]> {
  const ids = getAuthorIds(messages);
  return ids.length === 0 ? [] : (await rest.users.list({ ids })).data;
}

function pageQuery(channel: Channel, query: URLSearchParams) {
  for (const name of ["before", "after"] as const) if (query.has(name)) return { [name]: query.get(name) };
  if (query.has("at")) return { around: query.get("at") };
  if (channel.unread <= MAX_UNREAD_AT_END) return {};
  // Without a mark there was no message when the person joined: all are unread.
  return channel.last_read_id === null ? { after: "0" } : { around: channel.last_read_id };
}

/** Originals of replies that are not in the list. One that is deleted or hidden is left out. */
export async function readQuoted({ rest }: Pick<ApiClient, "rest">, messages: readonly Message[]): Promise<Message[]> {
  const here = new Set(messages.map(({ id }) => id));
  const wanted = new Set(messages.flatMap(({ reply_to_id: id }) => (id !== null && !here.has(id) ? [id] : [])));
  const found = await Promise.all(
    [...wanted].map((id) =>
      rest.messages.get(id).catch((error) => {
        if (error instanceof UsherError && error.code === "not_found") return null;
        throw error;
      }),
    ),
  );
  return found.filter((message) => message !== null);
}

import type { Frame, MessagePayload } from "../../../protocol/frames.ts";
import type { Message } from "../../../protocol/objects.ts";
import type { MessagePage } from "../../../sdk/rest.ts";

/** A window on a channel's messages: contiguous, oldest first. Values are never changed, only replaced. */
export interface MessageWindow {
  readonly messages: readonly Message[];
  /** Whether the server has messages before the first, or after the last one. */
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
}

/** Most messages kept; the far end goes when it is exceeded. */
export const MAX_WINDOW = 300;
/** So many messages beyond those in sight are always kept: a reader who jumps while a page is loading stays in place. */
const KEEP_AROUND = 50;

export function fromPage(page: MessagePage): MessageWindow {
  return { messages: sortBySeq(page.data), hasOlder: page.prev !== null, hasNewer: page.next !== null };
}

/** Adds a page of older messages; drops newer ones that are too many, but none near `last`, the last message in sight. */
export function withOlder(here: MessageWindow, page: MessagePage, last: string | null = null): MessageWindow {
  const messages = merge(page.data, here.messages);
  const kept = messages.slice(0, Math.max(MAX_WINDOW, indexOf(messages, last) + KEEP_AROUND));
  return { messages: kept, hasOlder: page.prev !== null, hasNewer: here.hasNewer || kept.length < messages.length };
}

/** Adds a page of newer messages; drops older ones that are too many, but none near `first`, the first message in sight. */
export function withNewer(here: MessageWindow, page: MessagePage, first: string | null = null): MessageWindow {
  const messages = merge(here.messages, page.data);
  const inSight = indexOf(messages, first);
  const drop = Math.min(messages.length - MAX_WINDOW, inSight < 0 ? Number.POSITIVE_INFINITY : inSight - KEEP_AROUND);
  const kept = messages.slice(Math.max(0, drop));
  return { messages: kept, hasOlder: here.hasOlder || kept.length < messages.length, hasNewer: page.next !== null };
}

/** Shortens a window that has grown at its end while somebody was following it. */
export function trim(here: MessageWindow): MessageWindow {
  if (here.messages.length <= MAX_WINDOW) return here;
  return { ...here, messages: here.messages.slice(-MAX_WINDOW), hasOlder: true };
}

/** Applies a frame of the channel's room. The same frame again changes nothing. */
export function withFrame(here: MessageWindow, frame: Frame): MessageWindow {
  switch (frame.type) {
    case "message:created":
      return withMessage(here, toMessage(frame.payload, frame.seq ?? 0));
    case "message:updated":
      return updateMessage(here, frame.payload.message_id, (old) => ({ ...toMessage(frame.payload, old.seq) }));
    case "message:deleted": {
      const { deleted_at } = frame.payload;
      return updateMessage(here, frame.payload.message_id, (old) => ({ ...old, content: "", deleted_at }));
    }
    default:
      return here;
  }
}

/** Adds a message at its place, or replaces it. After a window that does not reach the end it would leave a gap: it stays out. */
export function withMessage(here: MessageWindow, message: Message): MessageWindow {
  if (here.messages.some(({ id }) => id === message.id)) return updateMessage(here, message.id, () => message);
  const last = here.messages.at(-1);
  if (here.hasNewer && (!last || message.seq > last.seq)) return here;
  if (here.hasOlder && here.messages[0] && message.seq < here.messages[0].seq) return here;
  return { ...here, messages: merge(here.messages, [message]) };
}

/** A frame's message in the shape of REST. */
export function toMessage({ message_id, ...rest }: MessagePayload, seq: number): Message {
  return { ...rest, id: message_id, seq };
}

function indexOf(messages: readonly Message[], id: string | null): number {
  return id === null ? -1 : messages.findIndex((message) => message.id === id);
}

function updateMessage(here: MessageWindow, id: string, change: (old: Message) => Message): MessageWindow {
  if (!here.messages.some((message) => message.id === id)) return here;
  return { ...here, messages: here.messages.map((message) => (message.id === id ? change(message) : message)) };
}

/** Both, each message once, by seq; where both have it, the later list's is the newer reading. */
function merge(first: readonly Message[], second: readonly Message[]): Message[] {
  return sortBySeq([...new Map([...first, ...second].map((message) => [message.id, message])).values()]);
}

function sortBySeq(messages: readonly Message[]): Message[] {
  return [...messages].sort((a, b) => a.seq - b.seq);
}

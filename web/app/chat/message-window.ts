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

/** Maximum number of messages; beyond it the far end is dropped. */
export const MAX_WINDOW = 300;
/** So many messages beyond the visible ones are always kept: a reader who jumps while a page is loading keeps their position. */
const KEEP_AROUND = 50;

export function fromPage(page: MessagePage): MessageWindow {
  return { messages: sortBySeq(page.data), hasOlder: page.prev !== null, hasNewer: page.next !== null };
}

/** Adds a page of older messages; drops newer ones that are too many, but none near `last`, the last visible message. */
export function withOlder(window: MessageWindow, page: MessagePage, last: string | null = null): MessageWindow {
  const messages = merge(page.data, window.messages);
  const kept = messages.slice(0, Math.max(MAX_WINDOW, indexOf(messages, last) + KEEP_AROUND));
  return { messages: kept, hasOlder: page.prev !== null, hasNewer: window.hasNewer || kept.length < messages.length };
}

/** Adds a page of newer messages; drops older ones that are too many, but none near `first`, the first visible message. */
export function withNewer(window: MessageWindow, page: MessagePage, first: string | null = null): MessageWindow {
  const messages = merge(window.messages, page.data);
  const firstVisible = indexOf(messages, first);
  const drop = Math.min(
    messages.length - MAX_WINDOW,
    firstVisible < 0 ? Number.POSITIVE_INFINITY : firstVisible - KEEP_AROUND,
  );
  const kept = messages.slice(Math.max(0, drop));
  return { messages: kept, hasOlder: window.hasOlder || kept.length < messages.length, hasNewer: page.next !== null };
}

/** Shortens a window that has grown at its end while the reader was there. */
export function trim(window: MessageWindow): MessageWindow {
  if (window.messages.length <= MAX_WINDOW) return window;
  return { ...window, messages: window.messages.slice(-MAX_WINDOW), hasOlder: true };
}

/** Applies a frame of the channel's room. The same frame again changes nothing. */
export function withFrame(window: MessageWindow, frame: Frame): MessageWindow {
  switch (frame.type) {
    case "message:created":
      return withMessage(window, toMessage(frame.payload, frame.seq ?? 0));
    case "message:updated":
      return updateMessage(window, frame.payload.message_id, (old) => ({ ...toMessage(frame.payload, old.seq) }));
    case "message:deleted": {
      const { deleted_at } = frame.payload;
      return updateMessage(window, frame.payload.message_id, (old) => ({ ...old, content: "", deleted_at }));
    }
    default:
      return window;
  }
}

/** Inserts a message by its seq, or replaces it. After a window that does not reach the end it would leave a gap: it is left out. */
export function withMessage(window: MessageWindow, message: Message): MessageWindow {
  if (window.messages.some(({ id }) => id === message.id)) return updateMessage(window, message.id, () => message);
  const last = window.messages.at(-1);
  if (window.hasNewer && (!last || message.seq > last.seq)) return window;
  if (window.hasOlder && window.messages[0] && message.seq < window.messages[0].seq) return window;
  return { ...window, messages: merge(window.messages, [message]) };
}

/** A frame's message in the shape of REST. */
export function toMessage({ message_id, ...rest }: MessagePayload, seq: number): Message {
  return { ...rest, id: message_id, seq };
}

function indexOf(messages: readonly Message[], id: string | null): number {
  return id === null ? -1 : messages.findIndex((message) => message.id === id);
}

function updateMessage(window: MessageWindow, id: string, change: (old: Message) => Message): MessageWindow {
  if (!window.messages.some((message) => message.id === id)) return window;
  return { ...window, messages: window.messages.map((message) => (message.id === id ? change(message) : message)) };
}

/** Both, each message once, by seq; where both have it, the one of the second list is newer. */
function merge(first: readonly Message[], second: readonly Message[]): Message[] {
  return sortBySeq([...new Map([...first, ...second].map((message) => [message.id, message])).values()]);
}

function sortBySeq(messages: readonly Message[]): Message[] {
  return [...messages].sort((a, b) => a.seq - b.seq);
}

import type { Frame, MessagePayload } from "../../../protocol/frames.ts";
import type { Message } from "../../../protocol/objects.ts";
import type { MessagePage } from "../../../sdk/rest.ts";

/** A window on a channel's messages: contiguous, oldest first. Values are never changed, only replaced. */
export interface Conversation {
  readonly messages: readonly Message[];
  /** Whether the server has messages before the first, or after the last one. */
  readonly older: boolean;
  readonly newer: boolean;
}

/** Most messages kept; the far end goes when it is exceeded. */
export const WINDOW_MAX = 300;
/** So many messages beyond those in sight are always kept: a reader who jumps while a page is loading stays in place. */
const NEAR = 50;

export function fromPage(page: MessagePage): Conversation {
  return { messages: sorted(page.data), older: page.prev !== null, newer: page.next !== null };
}

/** Adds a page of older messages; drops newer ones that are too many, but none near `last`, the last message in sight. */
export function withOlder(here: Conversation, page: MessagePage, last: string | null = null): Conversation {
  const messages = merged(page.data, here.messages);
  const kept = messages.slice(0, Math.max(WINDOW_MAX, indexOf(messages, last) + NEAR));
  return { messages: kept, older: page.prev !== null, newer: here.newer || kept.length < messages.length };
}

/** Adds a page of newer messages; drops older ones that are too many, but none near `first`, the first message in sight. */
export function withNewer(here: Conversation, page: MessagePage, first: string | null = null): Conversation {
  const messages = merged(here.messages, page.data);
  const inSight = indexOf(messages, first);
  const drop = Math.min(messages.length - WINDOW_MAX, inSight < 0 ? Number.POSITIVE_INFINITY : inSight - NEAR);
  const kept = messages.slice(Math.max(0, drop));
  return { messages: kept, older: here.older || kept.length < messages.length, newer: page.next !== null };
}

/** Shortens a window that has grown at its end while somebody was following it. */
export function trimmed(here: Conversation): Conversation {
  if (here.messages.length <= WINDOW_MAX) return here;
  return { ...here, messages: here.messages.slice(-WINDOW_MAX), older: true };
}

/** Applies a frame of the channel's room. The same frame again changes nothing. */
export function withFrame(here: Conversation, frame: Frame): Conversation {
  switch (frame.type) {
    case "message:created":
      return withMessage(here, messageOf(frame.payload, frame.seq ?? 0));
    case "message:updated":
      return changed(here, frame.payload.message_id, (old) => ({ ...messageOf(frame.payload, old.seq) }));
    case "message:deleted": {
      const { deleted_at } = frame.payload;
      return changed(here, frame.payload.message_id, (old) => ({ ...old, content: "", deleted_at }));
    }
    default:
      return here;
  }
}

/** Adds a message at its place, or replaces it. Behind a window that does not reach the end it would leave a gap: it stays out. */
export function withMessage(here: Conversation, message: Message): Conversation {
  if (here.messages.some(({ id }) => id === message.id)) return changed(here, message.id, () => message);
  const last = here.messages.at(-1);
  if (here.newer && (!last || message.seq > last.seq)) return here;
  if (here.older && here.messages[0] && message.seq < here.messages[0].seq) return here;
  return { ...here, messages: merged(here.messages, [message]) };
}

/** A frame's message in the shape of REST. */
export function messageOf({ message_id, ...rest }: MessagePayload, seq: number): Message {
  return { ...rest, id: message_id, seq };
}

function indexOf(messages: readonly Message[], id: string | null): number {
  return id === null ? -1 : messages.findIndex((message) => message.id === id);
}

function changed(here: Conversation, id: string, change: (old: Message) => Message): Conversation {
  if (!here.messages.some((message) => message.id === id)) return here;
  return { ...here, messages: here.messages.map((message) => (message.id === id ? change(message) : message)) };
}

/** Both, each message once, by seq; where both have it, the later list's is the newer reading. */
function merged(first: readonly Message[], second: readonly Message[]): Message[] {
  return sorted([...new Map([...first, ...second].map((message) => [message.id, message])).values()]);
}

function sorted(messages: readonly Message[]): Message[] {
  return [...messages].sort((a, b) => a.seq - b.seq);
}

import type { Message } from "../../../protocol/objects.ts";
import { dayKey } from "./time.ts";

/** A row of the message list. `head`: it starts a group, so the author's name and time are shown. */
export type Row =
  | { kind: "day"; key: string; at: string }
  | { kind: "new"; key: "new" }
  | { kind: "message"; key: string; message: Message; head: boolean };

/** Messages of one author within this many ms are one group. */
const GROUP_WINDOW_MS = 5 * 60_000;

/**
 * Adds day rows and the row "new messages" between messages and groups them by author. `firstUnread`:
 * id of the first message that was unread when the channel was opened.
 */
export function buildRows(messages: readonly Message[], firstUnread: string | null, timeZone: string): Row[] {
  const rows: Row[] = [];
  let before: Message | null = null;
  let day = "";
  for (const message of messages) {
    const itsDay = dayKey(message.created_at, timeZone);
    const newDay = itsDay !== day;
    if (newDay) rows.push({ kind: "day", key: `day ${itsDay}`, at: message.created_at });
    day = itsDay;
    if (message.id === firstUnread) rows.push({ kind: "new", key: "new" });
    const head =
      newDay || message.id === firstUnread || message.reply_to_id !== null || !continuesGroup(before, message);
    rows.push({ kind: "message", key: message.id, message, head });
    before = message;
  }
  return rows;
}

function continuesGroup(before: Message | null, message: Message): boolean {
  if (!before || before.user_id !== message.user_id || before.deleted_at) return false;
  return Date.parse(message.created_at) - Date.parse(before.created_at) < GROUP_WINDOW_MS;
}

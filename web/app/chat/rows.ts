import type { Message } from "../../../protocol/objects.ts";
import { dayOf } from "./time.ts";

/** A line of the message list. `head`: the author's name and time are shown, because the line before is not his or is old. */
export type Row =
  | { kind: "day"; key: string; at: string }
  | { kind: "new"; key: "new" }
  | { kind: "message"; key: string; message: Message; head: boolean };

/** Messages of one author within this many ms are one block. */
const GROUP_MS = 5 * 60_000;

/**
 * Puts day lines and the "new messages" line between messages and groups them by author.
 * `firstNew`: id of the first message that was unread when the channel was opened.
 */
export function rowsOf(messages: readonly Message[], firstNew: string | null, timeZone: string): Row[] {
  const rows: Row[] = [];
  let before: Message | null = null;
  let day = "";
  for (const message of messages) {
    const itsDay = dayOf(message.created_at, timeZone);
    const newDay = itsDay !== day;
    if (newDay) rows.push({ kind: "day", key: `day ${itsDay}`, at: message.created_at });
    day = itsDay;
    if (message.id === firstNew) rows.push({ kind: "new", key: "new" });
    const head = newDay || message.id === firstNew || message.reply_to_id !== null || !continues(before, message);
    rows.push({ kind: "message", key: message.id, message, head });
    before = message;
  }
  return rows;
}

function continues(before: Message | null, message: Message): boolean {
  if (!before || before.user_id !== message.user_id || before.deleted_at) return false;
  return Date.parse(message.created_at) - Date.parse(before.created_at) < GROUP_MS;
}

/** What a client received of an entry of a room's log. */
export interface Seen {
  seq: number;
  type: string;
  /** The message or person that the entry is about; empty for others. */
  subject: string;
}

/** What one listener received from one position on, until it ended or was reset. */
export interface Stretch {
  from: number;
  seen: Seen[];
  /** The text of each message that this listener has shown since; empty for a deleted one. */
  texts: Map<string, string>;
}

/** One listener of a room over the whole run. */
export interface View {
  /** Person and device, for the report. */
  who: string;
  userId: string;
  room: string;
  stretches: Stretch[];
  /** Whether it still listens at the end, and so must have reached the head. */
  listening: boolean;
  /** It came with a position of another epoch, so it must be reset once; any other must never be. */
  mistaken: boolean;
}

/** A message that a device sent. `ack`: what the acknowledgement said; null when none came. */
export interface Written {
  /** Person and device: what one device writes into one channel stays in order. */
  who: string;
  userId: string;
  channelId: string;
  clientId: string;
  ack: { messageId: string; seq: number } | null;
  /** The server said no, because the writer was removed: a try before that may have been stored, or not. */
  refused: boolean;
}

export interface StoredMessage {
  id: string;
  channelId: string;
  userId: string;
  clientId: string | null;
  /** Empty when deleted. */
  content: string;
}

/** All that is known at the end: what people saw and wrote, and what the database has. */
export interface Evidence {
  log: ReadonlyMap<string, readonly Seen[]>;
  heads: ReadonlyMap<string, number>;
  messages: readonly StoredMessage[];
  views: readonly View[];
  written: readonly Written[];
}

/**
 * What must never happen and did, one sentence each; none when nothing was lost, repeated, out of order or shown to a user
 * who was no longer a member, when every text is the database's, and when everything written is there exactly once.
 */
export function findFaults(evidence: Evidence): string[] {
  const texts = new Map(evidence.messages.map(({ id, content }) => [id, content]));
  return [
    ...logFaults(evidence),
    ...evidence.views.flatMap((view) => viewFaults(view, evidence, texts)),
    ...writtenFaults(evidence),
  ];
}

function logFaults({ log, heads }: Evidence): string[] {
  const faults: string[] = [];
  for (const [room, rows] of log) {
    rows.forEach(({ seq }, place) => {
      if (seq !== place + 1) faults.push(`log ${room}: entry ${seq} is at position ${place + 1}`);
    });
    if (heads.get(room) !== rows.length)
      faults.push(`log ${room}: head ${heads.get(room)}, but ${rows.length} entries`);
  }
  return faults;
}

function viewFaults(view: View, { log, heads }: Evidence, texts: ReadonlyMap<string, string>): string[] {
  const faults: string[] = [];
  const rows = log.get(view.room) ?? [];
  const say = (what: string) => faults.push(`${view.who} in ${view.room}: ${what}`);
  const exits = rows
    .filter(({ type, subject }) => type === "member:left" && subject === view.userId)
    .map(({ seq }) => seq);
  const resets = view.stretches.length - 1;
  const [minResets, maxResets] = [view.mistaken && view.listening ? 1 : 0, view.mistaken ? 1 : 0];
  if (resets < minResets || resets > maxResets) say(`reset ${resets} times, not ${maxResets}`);
  for (const { from, seen } of view.stretches) {
    const exit = exits.find((seq) => seq > from) ?? Number.POSITIVE_INFINITY;
    let last = from;
    for (const frame of seen) {
      if (frame.seq <= last) say(`${frame.seq} came after ${last}: twice or out of order`);
      else if (frame.seq > last + 1) say(`${last + 1} to ${frame.seq - 1} are lost`);
      if (frame.seq > exit) say(`${frame.seq} was shown after the removal at ${exit}`);
      const row = rows[frame.seq - 1];
      if (!row) say(`${frame.seq} is not in the log`);
      else if (row.type !== frame.type || row.subject !== frame.subject) {
        say(`${frame.seq} was ${frame.type} ${frame.subject}, the log has ${row.type} ${row.subject}`);
      }
      last = Math.max(last, frame.seq);
    }
  }
  const end = view.stretches.at(-1);
  if (!view.listening || !end) return faults;
  const reached = end.seen.at(-1)?.seq ?? end.from;
  const head = heads.get(view.room) ?? 0;
  if (reached !== head) say(`ends at ${reached}, the log at ${head}`);
  for (const [id, text] of end.texts) {
    if (texts.get(id) !== text) say(`message ${id} reads "${text}", in the database "${texts.get(id)}"`);
  }
  return faults;
}

function writtenFaults({ written, messages, log }: Evidence): string[] {
  const faults: string[] = [];
  const stored = new Map<string, StoredMessage[]>();
  for (const message of messages) {
    const key = `${message.userId} ${message.clientId}`;
    stored.set(key, [...(stored.get(key) ?? []), message]);
  }
  const latest = new Map<string, number>();
  for (const { who, userId, channelId, clientId, ack, refused } of written) {
    const key = `${userId} ${clientId}`;
    const found = stored.get(key) ?? [];
    stored.delete(key);
    if (refused && found.length <= 1) continue;
    const [message] = found;
    if (found.length !== 1) faults.push(`${who} wrote ${clientId}: it is stored ${found.length} times`);
    if (!ack) {
      faults.push(`${who} wrote ${clientId}: it was never acknowledged`);
      continue;
    }
    if (message && message.id !== ack.messageId)
      faults.push(`${who} got ${ack.messageId} for ${clientId}, stored is ${message.id}`);
    const row = log.get(`channel:${channelId}`)?.[ack.seq - 1];
    if (row?.type !== "message:created" || row.subject !== ack.messageId) {
      faults.push(`${who} got position ${ack.seq} for ${ack.messageId}, there is ${row?.type} ${row?.subject}`);
    }
    const line = `${who} ${channelId}`;
    const before = latest.get(line) ?? 0;
    if (ack.seq <= before) faults.push(`${who} wrote ${clientId} after the one at ${before}, but it is at ${ack.seq}`);
    latest.set(line, ack.seq);
  }
  for (const [key, found] of stored)
    faults.push(`${key} is stored as ${found.map(({ id }) => id).join(", ")}, but no device sent it`);
  return faults;
}

import type { LogEntry } from "../../platform/log/entry.ts";

/**
 * A message is lines of text. The first names the sender; each other line begins with a letter for its kind. JSON text has no raw
 * line breaks, so payloads are inserted and extracted unchanged, without a parse.
 */
export interface MessageSender {
  instanceId: string;
  node: number;
  /** Of the log, as the sender knows it. */
  epoch: string;
}

export type Line =
  | { kind: "entry"; entry: LogEntry }
  /** The trace context of the next entry. A node that does not know this kind ignores it. */
  | { kind: "trace"; room: string; seq: number; traceparent: string }
  | { kind: "announcement"; room: string; seq: number }
  | { kind: "message"; subject: string; payload: string }
  | { kind: "request"; id: string; name: string; payload: string }
  /** `payload` null: it cannot reply. */
  | { kind: "reply"; id: string; payload: string | null }
  | { kind: "probe"; number: number }
  /** A chunk of a line that is too long for one message. */
  | { kind: "chunk"; lineId: string; index: number; count: number; text: string };

const VERSION = "usher1";

/** `count` makes equal messages different: PostgreSQL sends equal ones of a transaction only once. */
export function formatHead({ instanceId, node, epoch }: MessageSender, count: number): string {
  return `${VERSION} ${instanceId} ${node} ${epoch} ${count}`;
}

const SENDER = /^([a-z0-9]{1,16}) ([0-9]{1,4}) ([a-z0-9-]{1,40}) [0-9]+$/;

/** Null: not a message of ours. */
export function parseHead(head: string): MessageSender | null {
  if (!head.startsWith(`${VERSION} `)) return null;
  const [, instanceId, node, epoch] = SENDER.exec(head.slice(VERSION.length + 1)) ?? [];
  return instanceId === undefined ? null : { instanceId, node: Number(node), epoch: epoch! };
}

export function formatLine(line: Line): string {
  switch (line.kind) {
    case "entry": {
      const { room, seq, type, payload } = line.entry;
      return `E ${room} ${seq} ${type} ${payload}`;
    }
    case "trace":
      return `T ${line.room} ${line.seq} ${line.traceparent}`;
    case "announcement":
      return `A ${line.room} ${line.seq}`;
    case "message":
      return `W ${line.subject.replaceAll(" ", "%20")} ${line.payload}`;
    case "request":
      return `Q ${line.id} ${line.name.replaceAll(" ", "%20")} ${line.payload}`;
    case "reply":
      return line.payload === null ? `N ${line.id}` : `R ${line.id} ${line.payload}`;
    case "probe":
      return `P ${line.number}`;
    case "chunk":
      return `F ${line.lineId} ${line.index} ${line.count} ${line.text}`;
  }
}

/** Null: it cannot be parsed. */
export function parseLine(text: string): Line | null {
  switch (text.slice(0, 2)) {
    case "E ": {
      const [, room, seq, type, payload] = splitFields(text, 5) ?? [];
      // The payload is inserted into frames unchanged, so at least its ends are checked.
      if (payload === undefined || !payload.startsWith("{") || !payload.endsWith("}")) return null;
      const entry = { room: room!, seq: parseNumber(seq!), type: type!, payload };
      return entry.seq > 0 && NAME.test(entry.room) && NAME.test(entry.type) ? { kind: "entry", entry } : null;
    }
    case "A ": {
      const [, room, seq] = splitFields(text, 3) ?? [];
      return seq !== undefined && NAME.test(room!) && parseNumber(seq) > 0
        ? { kind: "announcement", room: room!, seq: parseNumber(seq) }
        : null;
    }
    case "T ": {
      const [, room, seq, traceparent] = splitFields(text, 4) ?? [];
      return traceparent === undefined ? null : { kind: "trace", room: room!, seq: parseNumber(seq!), traceparent };
    }
    case "W ": {
      const [, subject, payload] = splitFields(text, 3) ?? [];
      return payload === undefined ? null : { kind: "message", subject: subject!.replaceAll("%20", " "), payload };
    }
    case "Q ": {
      const [, id, name, payload] = splitFields(text, 4) ?? [];
      return payload === undefined ? null : { kind: "request", id: id!, name: name!.replaceAll("%20", " "), payload };
    }
    case "R ": {
      const [, id, payload] = splitFields(text, 3) ?? [];
      return payload === undefined ? null : { kind: "reply", id: id!, payload };
    }
    case "N ":
      return { kind: "reply", id: text.slice(2), payload: null };
    case "P ":
      return { kind: "probe", number: parseNumber(text.slice(2)) };
    case "F ": {
      const [, lineId, index, count, chunk] = splitFields(text, 5) ?? [];
      return chunk === undefined
        ? null
        : { kind: "chunk", lineId: lineId!, index: parseNumber(index!), count: parseNumber(count!), text: chunk };
    }
    default:
      return null;
  }
}

const NAME = /^[\x21-\x7e]+$/;

/** Whole and not negative, or -1. */
function parseNumber(text: string): number {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : -1;
}

/** `count` fields, the last with all the remaining text; null when there are fewer. */
function splitFields(text: string, count: number): string[] | null {
  const fields: string[] = [];
  let from = 0;
  while (fields.length < count - 1) {
    const space = text.indexOf(" ", from);
    if (space < 0) return null;
    fields.push(text.slice(from, space));
    from = space + 1;
  }
  fields.push(text.slice(from));
  return fields;
}

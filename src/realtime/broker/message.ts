import type { LogEntry } from "../../platform/log/entry.ts";

/**
 * A message is lines of text. The first says who speaks; each other is one thing that he says, and begins with a letter that
 * says what. JSON text has no raw line breaks, so payloads are put in and taken out as they are, without a parse.
 */
export interface Sender {
  mailbox: string;
  node: number;
  /** Of the log, as the sender knows it. */
  epoch: string;
}

export type Line =
  | { what: "entry"; entry: LogEntry }
  /** What this entry, which comes next, is part of. A node that does not know this line leaves it out. */
  | { what: "trace"; room: string; seq: number; traceparent: string }
  | { what: "announcement"; room: string; seq: number }
  | { what: "word"; subject: string; payload: string }
  | { what: "question"; id: string; question: string; payload: string }
  /** `payload` null: he cannot answer. */
  | { what: "answer"; id: string; payload: string | null }
  | { what: "probe"; number: number }
  /** A piece of a line that is too long for one message. */
  | { what: "piece"; of: string; index: number; count: number; text: string };

const VERSION = "usher1";

/** `count` makes equal messages different: PostgreSQL sends equal ones of a transaction only once. */
export function headOf({ mailbox, node, epoch }: Sender, count: number): string {
  return `${VERSION} ${mailbox} ${node} ${epoch} ${count}`;
}

const SENDER = /^([a-z0-9]{1,16}) ([0-9]{1,4}) ([a-z0-9-]{1,40}) [0-9]+$/;

/** Null: not a message of ours. */
export function parseHead(head: string): Sender | null {
  if (!head.startsWith(`${VERSION} `)) return null;
  const [, mailbox, node, epoch] = SENDER.exec(head.slice(VERSION.length + 1)) ?? [];
  return mailbox === undefined ? null : { mailbox, node: Number(node), epoch: epoch! };
}

export function write(line: Line): string {
  switch (line.what) {
    case "entry": {
      const { room, seq, type, payload } = line.entry;
      return `E ${room} ${seq} ${type} ${payload}`;
    }
    case "trace":
      return `T ${line.room} ${line.seq} ${line.traceparent}`;
    case "announcement":
      return `A ${line.room} ${line.seq}`;
    case "word":
      return `W ${line.subject.replaceAll(" ", "%20")} ${line.payload}`;
    case "question":
      return `Q ${line.id} ${line.question.replaceAll(" ", "%20")} ${line.payload}`;
    case "answer":
      return line.payload === null ? `N ${line.id}` : `R ${line.id} ${line.payload}`;
    case "probe":
      return `P ${line.number}`;
    case "piece":
      return `F ${line.of} ${line.index} ${line.count} ${line.text}`;
  }
}

/** Null: it cannot be read. */
export function parse(text: string): Line | null {
  switch (text.slice(0, 2)) {
    case "E ": {
      const [, room, seq, type, payload] = cut(text, 5) ?? [];
      // The payload is spliced into frames as it is, so at least its ends are looked at.
      if (payload === undefined || !payload.startsWith("{") || !payload.endsWith("}")) return null;
      const entry = { room: room!, seq: number(seq!), type: type!, payload };
      return entry.seq > 0 && NAME.test(entry.room) && NAME.test(entry.type) ? { what: "entry", entry } : null;
    }
    case "A ": {
      const [, room, seq] = cut(text, 3) ?? [];
      return seq !== undefined && NAME.test(room!) && number(seq) > 0
        ? { what: "announcement", room: room!, seq: number(seq) }
        : null;
    }
    case "T ": {
      const [, room, seq, traceparent] = cut(text, 4) ?? [];
      return traceparent === undefined ? null : { what: "trace", room: room!, seq: number(seq!), traceparent };
    }
    case "W ": {
      const [, subject, payload] = cut(text, 3) ?? [];
      return payload === undefined ? null : { what: "word", subject: subject!.replaceAll("%20", " "), payload };
    }
    case "Q ": {
      const [, id, question, payload] = cut(text, 4) ?? [];
      return payload === undefined
        ? null
        : { what: "question", id: id!, question: question!.replaceAll("%20", " "), payload };
    }
    case "R ": {
      const [, id, payload] = cut(text, 3) ?? [];
      return payload === undefined ? null : { what: "answer", id: id!, payload };
    }
    case "N ":
      return { what: "answer", id: text.slice(2), payload: null };
    case "P ":
      return { what: "probe", number: number(text.slice(2)) };
    case "F ": {
      const [, of, index, count, piece] = cut(text, 5) ?? [];
      return piece === undefined
        ? null
        : { what: "piece", of: of!, index: number(index!), count: number(count!), text: piece };
    }
    default:
      return null;
  }
}

const NAME = /^[\x21-\x7e]+$/;

/** Whole and not negative, or -1. */
function number(text: string): number {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : -1;
}

/** `parts` words, the last with all that is left; null when there are fewer. */
function cut(text: string, parts: number): string[] | null {
  const words: string[] = [];
  let from = 0;
  while (words.length < parts - 1) {
    const space = text.indexOf(" ", from);
    if (space < 0) return null;
    words.push(text.slice(from, space));
    from = space + 1;
  }
  words.push(text.slice(from));
  return words;
}

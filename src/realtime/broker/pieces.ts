import type { Line } from "./message.ts";

type Piece = Extract<Line, { what: "piece" }>;

/** Most bytes of a line that travels in pieces, and lines that one node may have unfinished here. */
const MOST_BYTES = 16_777_216;
const MOST_UNFINISHED = 100;

/**
 * Cuts a line that is too long for one message.
 *
 * @param most bytes of a piece's text
 * @returns null when it is too long even so
 */
export function cutUp(of: string, line: string, most: number): Piece[] | null {
  if (line.length > MOST_BYTES) return null;
  const texts: string[] = [];
  // A UTF-16 unit becomes at most three bytes.
  const step = Math.floor(most / 3);
  for (let from = 0; from < line.length; ) {
    let to = Math.min(from + step, line.length);
    if (to < line.length && isHighSurrogate(line.charCodeAt(to - 1))) to--;
    texts.push(line.slice(from, to));
    from = to;
  }
  return texts.map((text, index) => ({ what: "piece", of, index, count: texts.length, text }));
}

/** Puts lines together again. Pieces of a sender come in order; a line of which one was lost is forgotten. */
export class Pieces {
  readonly #unfinished = new Map<string, { texts: string[]; length: number }>();

  /** The whole line, when this was its last piece. */
  take(mailbox: string, { of, index, count, text }: Piece): string | null {
    const key = `${mailbox} ${of}`;
    const line = index === 0 ? { texts: [], length: 0 } : this.#unfinished.get(key);
    this.#unfinished.delete(key);
    if (line === undefined || line.texts.length !== index || line.length + text.length > MOST_BYTES) return null;
    line.texts.push(text);
    line.length += text.length;
    if (line.texts.length === count) return line.texts.join("");
    this.#unfinished.set(key, line);
    if (this.#unfinished.size > MOST_UNFINISHED) this.#unfinished.delete(this.#unfinished.keys().next().value!);
    return null;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

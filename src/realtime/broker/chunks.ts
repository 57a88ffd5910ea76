import type { Line } from "./message.ts";

type Chunk = Extract<Line, { kind: "chunk" }>;

/** Maximum bytes of a line that is sent in chunks, and of lines that are incomplete here. */
const MAX_BYTES = 16_777_216;
const MAX_UNFINISHED = 100;

/**
 * Cuts a line that is too long for one message.
 *
 * @param maxBytes bytes of a chunk's text
 * @returns null when it is too long even in chunks
 */
export function splitIntoChunks(lineId: string, line: string, maxBytes: number): Chunk[] | null {
  if (line.length > MAX_BYTES) return null;
  const texts: string[] = [];
  // A UTF-16 unit becomes at most three bytes.
  const step = Math.floor(maxBytes / 3);
  for (let from = 0; from < line.length; ) {
    let to = Math.min(from + step, line.length);
    if (to < line.length && isHighSurrogate(line.charCodeAt(to - 1))) to--;
    texts.push(line.slice(from, to));
    from = to;
  }
  return texts.map((text, index) => ({ kind: "chunk", lineId, index, count: texts.length, text }));
}

/** Joins chunks to lines again. Chunks of a sender come in order; a line that lacks a chunk is dropped. */
export class ChunkAssembler {
  readonly #unfinished = new Map<string, { texts: string[]; length: number }>();

  /** The whole line, when this was its last chunk. */
  add(instanceId: string, { lineId, index, count, text }: Chunk): string | null {
    const key = `${instanceId} ${lineId}`;
    const line = index === 0 ? { texts: [], length: 0 } : this.#unfinished.get(key);
    this.#unfinished.delete(key);
    if (line === undefined || line.texts.length !== index || line.length + text.length > MAX_BYTES) return null;
    line.texts.push(text);
    line.length += text.length;
    if (line.texts.length === count) return line.texts.join("");
    this.#unfinished.set(key, line);
    if (this.#unfinished.size > MAX_UNFINISHED) this.#unfinished.delete(this.#unfinished.keys().next().value!);
    return null;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

import { parseFrameHead } from "../../realtime/transport.ts";
import type { StreamFrame } from "./index.ts";

/** A frame of the hub with what a stream must know of it. */
export function toStreamFrame(text: string): StreamFrame {
  const head = parseFrameHead(text);
  // That the server itself could not go on without a hole (SPEC RC-6) moves the position, too.
  if (head.type === "room:joined") return { text, type: head.type, ...parsePosition(text) };
  return { text, ...head };
}

function parsePosition(text: string): { room: string; seq: number } {
  const { room, seq } = JSON.parse(text).payload;
  return { room, seq };
}

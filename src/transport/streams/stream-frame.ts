import { parseFrameHead } from "../../realtime/transport.ts";
import type { StreamFrame } from "./index.ts";

/** A frame of the hub with what a stream needs of it. */
export function toStreamFrame(text: string): StreamFrame {
  const head = parseFrameHead(text);
  // A `system:resumed` of the server's own, after a gap that it could not fill (SPEC RC-6), moves the position, too.
  if (head.type === "room:joined") return { text, type: head.type, ...parsePosition(text) };
  return { text, ...head };
}

function parsePosition(text: string): { room: string; seq: number } {
  const { room, seq } = JSON.parse(text).payload;
  return { room, seq };
}

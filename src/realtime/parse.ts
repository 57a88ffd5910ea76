import type { z } from "zod";
import { Envelope } from "../../protocol/frames.ts";
import { JSON_DEPTH } from "./limits.ts";

export type Parsed =
  | { frame: z.infer<typeof Envelope> }
  | { error: "malformed" | "invalid"; detail: string; id?: number | string };

/** A client's text → a frame whose type and payload are still to be judged, or why it is none (SPEC ER-2, ER-3). */
export function parse(text: string): Parsed {
  if (tooDeep(text)) return { error: "malformed", detail: `Nest at most ${JSON_DEPTH} levels.` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: "malformed", detail: "Send one JSON document per frame." };
  }
  const envelope = Envelope.safeParse(value);
  if (envelope.success) return { frame: envelope.data };
  const id = Envelope.pick({ id: true }).safeParse(value).data?.id;
  return {
    error: "invalid",
    detail: 'A frame is {"type": "…", "payload": {…}}, with an id if you want an answer.',
    id,
  };
}

/** Before the parser recurses into it. Brackets inside strings do not count. */
function tooDeep(text: string): boolean {
  if (text.length <= 2 * JSON_DEPTH) return false;
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quoted) {
      if (c === 0x5c) i++;
      else if (c === 0x22) quoted = false;
    } else if (c === 0x22) quoted = true;
    else if (c === 0x5b || c === 0x7b) {
      if (++depth > JSON_DEPTH) return true;
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
  return false;
}

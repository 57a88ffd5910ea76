import type { z } from "zod";
import { Envelope } from "../../../protocol/frames.ts";
import { checkJsonBounds } from "../../platform/json-bounds.ts";
import { MAX_FRAME_VALUES } from "../limits/fixed-limits.ts";

export type ParsedFrame =
  | { frame: z.infer<typeof Envelope> }
  | { error: "malformed" | "invalid"; detail: string; id?: number | string };

/** Parses a client's text to a frame, whose type and payload are not checked yet, or returns the error (SPEC ER-2, ER-3). */
export function parseFrame(text: string): ParsedFrame {
  const bounds = checkJsonBounds(text, MAX_FRAME_VALUES);
  if (bounds !== null) return { error: "malformed", detail: bounds };
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
    detail: 'A frame is {"type": "…", "payload": {…}}, with an id if you want a reply.',
    id,
  };
}

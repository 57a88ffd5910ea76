import { z } from "zod";
import { patternText } from "../../protocol/text.ts";
import { invalidField } from "../platform/errors.ts";

/** A position in the log of all rooms: a checkpoint; and, within the window that starts there, its end and the last entry returned. */
export interface LogCursor {
  epoch: string;
  checkpoint: number;
  partialWindow: { to: number; roomId: string; seq: number } | null;
}

const NonNegativeInt = z.number().int().min(0);
const CursorFields = z.union([
  z.tuple([z.string().max(32), NonNegativeInt]),
  z.tuple([
    z.string().max(32),
    NonNegativeInt,
    NonNegativeInt,
    patternText(19, /^[0-9]+$/, "a number").refine((id) => id.length < 19 || id <= "9223372036854775807"),
    NonNegativeInt,
  ]),
]);

/** Opaque text for a cursor, which fits a URL. */
export function encodeCursor({ epoch, checkpoint, partialWindow }: LogCursor): string {
  const parts =
    partialWindow === null
      ? [epoch, checkpoint]
      : [epoch, checkpoint, partialWindow.to, partialWindow.roomId, partialWindow.seq];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** Throws `invalid` for a cursor that no response contained. */
export function decodeCursor(text: string): LogCursor {
  const parts = CursorFields.safeParse(parseJson(text));
  if (!parts.success) {
    const message = "must be the `next` of a response, or 0";
    throw invalidField("/query/after", "invalid", message, "This is not a position in the log.");
  }
  const [epoch, checkpoint, to, roomId, seq] = parts.data;
  return { epoch, checkpoint, partialWindow: to === undefined ? null : { to, roomId: roomId!, seq: seq! } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return null;
  }
}

import { z } from "zod";
import { textLike } from "../../protocol/text.ts";
import { AppError } from "../platform/errors.ts";

/** A place in the log of all rooms: a tick; and, in the middle of the window that begins there, the window's end and the last entry told. */
export interface Place {
  epoch: string;
  tick: number;
  within: { to: number; roomId: string; seq: number } | null;
}

const whole = z.number().int().min(0);
const Texts = z.union([
  z.tuple([z.string().max(32), whole]),
  z.tuple([
    z.string().max(32),
    whole,
    whole,
    textLike(19, /^[0-9]+$/, "a number").refine((id) => id.length < 19 || id <= "9223372036854775807"),
    whole,
  ]),
]);

/** Opaque text for a place, which fits a URL. */
export function writeCursor({ epoch, tick, within }: Place): string {
  const parts = within === null ? [epoch, tick] : [epoch, tick, within.to, within.roomId, within.seq];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** Throws `invalid` for what no answer ever told. */
export function readCursor(text: string): Place {
  const parts = Texts.safeParse(parsed(text));
  if (!parts.success) {
    const errors = [{ pointer: "/query/after", code: "invalid", message: "must be the `next` of an answer, or 0" }];
    throw new AppError("invalid", "This is not a place in the log.", { errors });
  }
  const [epoch, tick, to, roomId, seq] = parts.data;
  return { epoch, tick, within: to === undefined ? null : { to, roomId: roomId!, seq: seq! } };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return null;
  }
}

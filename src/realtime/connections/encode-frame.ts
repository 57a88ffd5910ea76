import { CLOSE, type CloseReason, CODES, type Code, frameCode } from "../../../protocol/codes.ts";
import type { CommandId, FramePayload, FrameType } from "../../../protocol/frames.ts";

/** A frame without a position in a log: a reply, a greeting, something that is not stored. */
export function encode<T extends FrameType>(type: T, payload: FramePayload<T>, id?: CommandId): string {
  return JSON.stringify({ type, id, payload });
}

/** The same of a payload that is JSON text already. `type` must need no escape. */
export function encodeText(type: string, payload: string): string {
  return `{"type":"${type}","payload":${payload}}`;
}

const PAYLOAD = ',"payload":';

/** The payload's text of a frame of ours. What comes before it has no unescaped quotes, so the first match is the right one. */
export function extractPayload(frame: string): string {
  const at = frame.indexOf(PAYLOAD);
  return at < 0 ? "{}" : frame.slice(at + PAYLOAD.length, -1);
}

/** The reply to a command that failed; without an id when the command had none, or it could not be parsed (SPEC ER-1). */
export function encodeError(code: Code, detail: string | undefined, id?: CommandId): string {
  const { title, retry } = CODES[code];
  return encode("system:error", { code: frameCode(code), message: detail ?? title, retry }, id);
}

/** The last frame before the server closes (SPEC CL-1). `after`: minimum and maximum ms to wait before reconnecting. */
export function encodeBye(reason: CloseReason, after: [number, number]): string {
  return encode("system:bye", { ...CLOSE[reason], after });
}

/** The first fields of a frame of ours, without parsing its payload. `room` and `seq`: its position in a log; null: none. */
export interface FrameHead {
  type: string;
  room: string | null;
  seq: number | null;
}

const HEAD = /^\{"type":"([^"]*)"(?:,"room":"((?:[^"\\]|\\.)*)","seq":(\d+))?/;

export function parseFrameHead(frame: string): FrameHead {
  const [, type = "", room, seq] = HEAD.exec(frame) ?? [];
  return {
    type,
    room: room === undefined ? null : room.replace(/\\(.)/g, "$1"),
    seq: seq === undefined ? null : Number(seq),
  };
}

import { NOTICES, type NoticeType } from "../../protocol/notices.ts";
import { AppError } from "../platform/errors.ts";

/** Most bytes of a payload: it goes to everybody who is there, and into the log. */
const PAYLOAD_MAX = 65_536;

/**
 * The payload as the frame will carry it. Types with a fixed shape (bookings, payments, tickets) are checked against it and
 * completed; any other is the service's own affair. Throws `invalid` with the fields, `too_large`.
 */
export function checkedPayload(type: string, payload: Record<string, unknown>): Record<string, unknown> {
  const shape = NOTICES[type as NoticeType];
  const outcome = shape?.safeParse(withoutNulls(payload, type));
  if (outcome !== undefined && !outcome.success) {
    const errors = outcome.error.issues.map(({ path, code, message }) => ({
      pointer: `/payload${path.map((part) => `/${String(part)}`).join("")}`,
      code,
      message,
    }));
    throw new AppError("invalid", `The payload is not one of ${type}.`, { errors });
  }
  const checked: Record<string, unknown> = outcome?.data ?? payload;
  if (Buffer.byteLength(JSON.stringify(checked)) > PAYLOAD_MAX)
    throw new AppError("too_large", `A payload has at most ${PAYLOAD_MAX} bytes as JSON.`);
  return checked;
}

/** Languages whose objects have all fields write null for what is not given. */
function withoutNulls(payload: Record<string, unknown>, type: string): Record<string, unknown> {
  if (!type.startsWith("booking:") && !type.startsWith("payment:")) return payload;
  return Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== null));
}

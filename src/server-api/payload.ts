import { NOTICES, type NoticeType } from "../../protocol/notices.ts";
import { AppError, invalidFields } from "../platform/errors.ts";
import { refuseNul } from "../platform/http/nul.ts";
import { escapePointerPart } from "../platform/http/validation-error.ts";
import type { JsonObject } from "../platform/json-object.ts";

/** Maximum bytes of a payload: it goes to every connection in the room, and into the log. */
const PAYLOAD_MAX = 65_536;

/** Types that are checked, and passed on as received: a service may add fields to them. */
const PASS_THROUGH = new Set<string>([
  "ticket:availability",
  "ticket:reserved",
  "ticket:released",
] satisfies NoticeType[]);

/**
 * The payload as the frame will carry it, JSON text: as the service wrote it. Bookings, payments and queue positions are
 * checked against their shape and completed. Throws `invalid` with the fields, `too_large`.
 */
export function validatePayload(type: string, { text, value }: JsonObject): string {
  if (text.includes("\\u0000")) refuseNul("json", { payload: value });
  const shape = Object.hasOwn(NOTICES, type) ? NOTICES[type as NoticeType] : undefined;
  const outcome = shape?.safeParse(withoutNulls(value, type));
  if (outcome !== undefined && !outcome.success) {
    const errors = outcome.error.issues.map(({ path, code, message }) => ({
      pointer: `/payload${path.map((part) => escapePointerPart(String(part))).join("")}`,
      code,
      message,
    }));
    throw invalidFields(errors, `The payload is not one of ${type}.`);
  }
  const checked = outcome === undefined || PASS_THROUGH.has(type) ? text : JSON.stringify(outcome.data);
  if (Buffer.byteLength(checked) > PAYLOAD_MAX)
    throw new AppError("too_large", `A payload has at most ${PAYLOAD_MAX} bytes as JSON.`);
  return checked;
}

/** Languages whose objects have all fields write null for missing values. */
function withoutNulls(payload: Record<string, unknown>, type: string): Record<string, unknown> {
  if (!type.startsWith("booking:") && !type.startsWith("payment:")) return payload;
  return Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== null));
}

import { stdSerializers } from "pino";

/** Up to 64 characters before the `@`, as in RFC 5321 §4.5.3.1.1, and a domain with a dot after it. */
const EMAIL = /[\w.!#$%&'*+=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}/g;
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\/reset\/[\w%.~-]{1,300}/g, "/reset/[redacted]"],
  [/\bust_\d{1,19}_[\w-]{1,64}/g, "ust_[redacted]"],
  [/\bwhsec_[\w+/=-]{1,128}/g, "whsec_[redacted]"],
  // A JSON web token: two parts that begin with `{"` in base64, and a signature.
  [/\beyJ[\w-]{1,4000}\.eyJ[\w-]{1,8000}\.[\w-]{0,2000}/g, "[redacted]"],
  [/\b([Bb]earer )[\w.~+/-]{1,8192}/g, "$1[redacted]"],
  [/([?&](?:access_|invite_|refresh_)?(?:token|code|invite|secret|key|password)=)[^&#\s"\\]{1,8192}/g, "$1[redacted]"],
];

/**
 * A line of the log without secrets and e-mail addresses, from this program, its database or the process of the pages. It is the
 * last safeguard: code that logs must hand over neither.
 */
export function scrub(line: string): string {
  let clean = line;
  for (const [pattern, instead] of SECRETS) clean = clean.replace(pattern, instead);
  return clean.includes("@") ? clean.replace(EMAIL, "[address]") : clean;
}

const ERROR_FIELDS = [
  ...["type", "message", "stack", "code", "errno", "syscall", "status", "cause", "aggregateErrors"],
  // PostgreSQL's, without `detail`, which has the values of the row.
  ...["severity", "routine", "schema", "table", "column", "constraint"],
];

/** The fields of an error that say what failed. Others hold what was sent: rows, mails, addresses. */
export function errorFields(error: unknown): unknown {
  const all: unknown = stdSerializers.err(error as Error);
  if (typeof all !== "object" || all === null) return all;
  return Object.fromEntries(
    ERROR_FIELDS.flatMap((name) => (name in all ? [[name, (all as Record<string, unknown>)[name]]] : [])),
  );
}

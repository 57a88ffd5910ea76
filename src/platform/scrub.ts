import { stdSerializers } from "pino";

/** Up to 64 characters before it, as e-mail has it, and a domain with a dot behind it. */
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
 * A line of the log without what proves who somebody is and without addresses of people, whoever wrote it: this program, its
 * database, the process of the pages. The last look: whoever logs hands over neither.
 */
export function scrub(line: string): string {
  let clean = line;
  for (const [pattern, instead] of SECRETS) clean = clean.replace(pattern, instead);
  return clean.includes("@") ? clean.replace(EMAIL, "[address]") : clean;
}

/** Of an error, those fields that say what broke. Others hold what was sent: rows, mails, addresses. */
const SAID = [
  "type",
  "message",
  "stack",
  "code",
  "errno",
  "syscall",
  "severity",
  "routine",
  "schema",
  "table",
  "column",
];
const ALSO_SAID = ["constraint", "status", "cause", "aggregateErrors"];

export function errorFields(error: Error): Record<string, unknown> {
  const all = stdSerializers.err(error) as unknown as Record<string, unknown>;
  if (typeof all !== "object" || all === null) return all;
  return Object.fromEntries([...SAID, ...ALSO_SAID].flatMap((name) => (name in all ? [[name, all[name]]] : [])));
}

/** Times for people. The zone is always given, so that server and browser render the same. */

const formats = new Map<string, Intl.DateTimeFormat>();

function getFormat(key: string, timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${key} ${timeZone}`;
  let made = formats.get(name);
  if (!made) {
    made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone });
    formats.set(name, made);
  }
  return made;
}

/** "14:05" */
export function formatTime(at: string, timeZone: string): string {
  return getFormat("time", timeZone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(at));
}

/** "14:05:09.042" */
export function formatExactTime(at: string, timeZone: string): string {
  return getFormat("exact", timeZone, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
    hourCycle: "h23",
  }).format(new Date(at));
}

/** The calendar day, as a key: "21/11/2026". */
export function dayKey(at: string, timeZone: string): string {
  return getFormat("day", timeZone, { year: "numeric", month: "2-digit", day: "2-digit" }).format(new Date(at));
}

/** "Today", "Yesterday", "Saturday 21 November" or, in another year, "21 November 2025". */
export function formatDay(at: string, now: number, timeZone: string): string {
  const day = dayKey(at, timeZone);
  if (day === dayKey(new Date(now).toISOString(), timeZone)) return "Today";
  if (day === dayKey(new Date(now - 86_400_000).toISOString(), timeZone)) return "Yesterday";
  const sameYear = at.slice(0, 4) === new Date(now).toISOString().slice(0, 4);
  const options: Intl.DateTimeFormatOptions = sameYear
    ? { weekday: "long", day: "numeric", month: "long" }
    : { day: "numeric", month: "long", year: "numeric" };
  return getFormat(sameYear ? "weekday" : "year", timeZone, options).format(new Date(at));
}

/** "21 Nov 2026, 14:05" */
export function formatDateTime(at: string, timeZone: string): string {
  return getFormat("full", timeZone, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  }).format(new Date(at));
}

/** A zone's name if this runtime knows it, otherwise UTC: it comes from a cookie. */
export function knownZone(name: string | null): string {
  if (name === null) return "UTC";
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return name;
  } catch {
    return "UTC";
  }
}

/** The moment at which a calendar day (`2026-11-21`, plus `days`) begins in a zone, RFC 3339; undefined for an invalid day. */
export function dayStart(day: string | null, timeZone: string, days = 0): string | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day ?? "");
  if (!match) return undefined;
  const wanted = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]) + days);
  if (Number.isNaN(wanted)) return undefined;
  // Twice: the zone's offset from UTC at the first guess may be the one before or after a clock change.
  let guess = wanted;
  for (let n = 0; n < 2; n += 1) guess = wanted - (wallClock(guess, timeZone) - guess);
  return new Date(guess).toISOString();
}

/** What clocks in the zone show at a moment, as if it were UTC. */
function wallClock(at: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
    hourCycle: "h23",
  }).formatToParts(at);
  const get = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  return Date.UTC(get("year"), get("month") - 1, get("day"), get("hour"), get("minute"), get("second"));
}

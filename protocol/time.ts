import { z } from "zod";

/** A time as it is returned: RFC 3339, UTC, milliseconds. */
export const Time = z
  .string()
  .max(24, { error: "a time such as 2026-01-31T12:00:00.000Z", abort: true })
  .check(z.iso.datetime({ precision: 3 }));

/** Maximum length of a time that is accepted; its fraction of a second may have any length up to there. */
const LENGTH_MAX = 64;

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)t(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:z|([+-])(\d\d):(\d\d))$/i;

/** A time as clients write it: any date-time of RFC 3339 §5.6. The result is as `Time`; digits beyond milliseconds are cut off. */
export const TimeInput = z
  .string()
  .max(LENGTH_MAX, { error: "a time such as 2026-01-31T12:00:00Z", abort: true })
  .transform((text, ctx) => {
    const time = parseTime(text);
    if (time !== null) return time;
    ctx.addIssue({
      code: "custom",
      message: "a time of RFC 3339 such as 2026-01-31T12:00:00Z or 2026-01-31T13:00:00.5+01:00",
    });
    return z.NEVER;
  })
  .meta({ format: "date-time", description: "Any date-time of RFC 3339." });

function parseTime(text: string): string | null {
  const match = RFC_3339.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHours = 0, offsetMinutes = 0] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  // A leap second is the first moment of the next minute.
  const isClock = Number(hour) < 24 && Number(minute) < 60 && Number(second) <= 60;
  if (!isDay || !isClock || Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return null;
  const ms = Number(`${fraction}000`.slice(0, 3));
  date.setUTCHours(Number(hour), Number(minute), Number(second), ms);
  const offset = (sign === "-" ? -1 : 1) * (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000;
  const time = new Date(date.getTime() - offset).toISOString();
  // Beyond the years 0 to 9999 there is no such text, and databases count no year 0.
  return time.length === 24 && !time.startsWith("0000") ? time : null;
}

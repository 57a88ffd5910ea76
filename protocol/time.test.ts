import { expect, test } from "bun:test";
import fc from "fast-check";
import { Time, TimeInput } from "./time.ts";

const read = (text: string) => TimeInput.safeParse(text).data ?? null;

test("every date-time of RFC 3339 is accepted, and returned in UTC with milliseconds", () => {
  const times = {
    "2026-01-31T00:00:00Z": "2026-01-31T00:00:00.000Z",
    "2026-01-31T00:00:00+00:00": "2026-01-31T00:00:00.000Z",
    "2026-01-31T00:00:00-00:00": "2026-01-31T00:00:00.000Z",
    "2026-01-31t23:30:00.5-01:00": "2026-02-01T00:30:00.500Z",
    "2024-02-29T01:00:00.123456789+02:30": "2024-02-28T22:30:00.123Z",
    "1990-12-31T23:59:60Z": "1991-01-01T00:00:00.000Z",
    "1990-12-31T15:59:60-08:00": "1991-01-01T00:00:00.000Z",
    "0001-01-01T00:00:00z": "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999Z",
  };
  for (const [text, time] of Object.entries(times)) expect([text, read(text)]).toEqual([text, time]);
});

test("any other text is refused with an example", () => {
  const wrong = [
    ...[
      "2026-01-31",
      "2026-01-31T00:00:00",
      "2026-01-31 00:00:00Z",
      "2026-1-31T00:00:00Z",
      "20260131T000000Z",
      "1764547200",
      "",
    ],
    ...[
      "2026-02-30T00:00:00Z",
      "2025-02-29T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z",
      "2026-01-00T00:00:00Z",
    ],
    ...[
      "2026-01-31T24:00:00Z",
      "2026-01-31T23:60:00Z",
      "2026-01-31T23:59:61Z",
      "2026-01-31T00:00:00.Z",
      "2026-01-31T00:00:00+0100",
    ],
    ...[
      "2026-01-31T00:00:00+24:00",
      "2026-01-31T00:00:00+01:60",
      "0000-01-01T00:00:00+00:01",
      "0000-12-31T23:59:59Z",
      "0001-01-01T00:00:00+00:01",
      "9999-12-31T23:59:59-00:01",
    ],
    `2026-01-31T00:00:00.${"1".repeat(100)}Z`,
  ];
  for (const text of wrong) {
    expect([text, read(text)]).toEqual([text, null]);
    expect(TimeInput.safeParse(text).error?.issues[0]?.message).toContain("2026-01-31T12:00:00Z");
  }
});

test("a time that was returned is accepted, and means the same moment with any offset", () => {
  const dates = fc.date({ min: new Date("0001-01-02"), max: new Date("9999-12-30"), noInvalidDate: true });
  fc.assert(
    fc.property(dates, fc.integer({ min: -1_439, max: 1_439 }), (date, offset) => {
      const time = date.toISOString();
      expect(Time.safeParse(time).success).toBe(true);
      expect(read(time)).toBe(time);
      const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
      const minutes = Math.abs(offset);
      const clock = [Math.floor(minutes / 60), minutes % 60].map((n) => String(n).padStart(2, "0")).join(":");
      expect(read(`${local}${offset < 0 ? "-" : "+"}${clock}`)).toBe(time);
    }),
  );
});

import { expect, test } from "bun:test";
import { getRetryDelay, parseRetryAfter, SCHEDULE_MS } from "./schedule.ts";

const HOUR = 3_600_000;

test("thirteen attempts within three days, each a fifth earlier or later than the schedule", () => {
  const total = (random: number) => SCHEDULE_MS.reduce((sum, _, i) => sum + getRetryDelay(i + 1, random)!, 0) / HOUR;
  expect([total(0), total(0.5), total(1)].map(Math.round)).toEqual([57, 72, 86]);
  expect([getRetryDelay(1, 0), getRetryDelay(1, 1)]).toEqual([4_000, 6_000]);
  expect(getRetryDelay(SCHEDULE_MS.length + 1, 0.5)).toBeNull();
});

test("Retry-After is seconds or a date, and anything else is ignored", () => {
  const now = Date.UTC(2026, 0, 1);
  const read = (header?: string) => parseRetryAfter(header, now, 24 * HOUR);
  expect(read("120")).toBe(120_000);
  expect(read("Thu, 01 Jan 2026 00:10:00 GMT")).toBe(600_000);
  expect(read("999999999")).toBe(24 * HOUR);
  for (const header of [undefined, "", "soon", "-5", "0", "Wed, 31 Dec 2025 00:00:00 GMT"])
    expect(read(header)).toBeNull();
});

import { expect, test } from "bun:test";
import { dayStart } from "./days.ts";

test("a day begins at its zone's midnight, before and after a clock change", () => {
  expect(dayStart("2026-11-21", "UTC")).toBe("2026-11-21T00:00:00.000Z");
  expect(dayStart("2026-11-21", "UTC", 1)).toBe("2026-11-22T00:00:00.000Z");
  expect(dayStart("2026-07-01", "Europe/Berlin")).toBe("2026-06-30T22:00:00.000Z");
  expect(dayStart("2026-03-29", "Europe/Berlin")).toBe("2026-03-28T23:00:00.000Z");
  expect(dayStart("2026-03-30", "Europe/Berlin")).toBe("2026-03-29T22:00:00.000Z");
  expect(dayStart("2026-11-21", "Asia/Kathmandu")).toBe("2026-11-20T18:15:00.000Z");
  for (const none of [null, "", "21.11.2026", "yesterday"]) expect(dayStart(none, "UTC")).toBeUndefined();
});

import { NativeSelect } from "@mantine/core";
import type { ComponentProps } from "react";

const HOUR = 3_600;
const DAY = 24 * HOUR;

/** Durations that forms offer, in seconds. */
export const DURATIONS = {
  none: { seconds: 0, label: "immediately" },
  hour: { seconds: HOUR, label: "1 hour" },
  day: { seconds: DAY, label: "1 day" },
  threeDays: { seconds: 3 * DAY, label: "3 days" },
  week: { seconds: 7 * DAY, label: "7 days" },
  month: { seconds: 30 * DAY, label: "30 days" },
  quarter: { seconds: 90 * DAY, label: "90 days" },
  year: { seconds: 365 * DAY, label: "1 year" },
} as const;
export type Duration = keyof typeof DURATIONS;

interface DurationSelectProps extends Omit<ComponentProps<typeof NativeSelect>, "data"> {
  durations: readonly Duration[];
  /** The label of no duration; left out: one must be chosen. */
  never?: string;
}

/** A select of a duration; the form gets its seconds, or nothing for `never`. */
export function DurationSelect({ durations, never, ...props }: DurationSelectProps) {
  const choices = durations.map((duration) => ({
    value: String(DURATIONS[duration].seconds),
    label: DURATIONS[duration].label,
  }));
  return <NativeSelect {...props} data={never === undefined ? choices : [{ value: "", label: never }, ...choices]} />;
}

/** The time that many seconds from now, RFC 3339; null for no duration. */
export function timeFromNow(seconds: string | undefined): string | null {
  return seconds === undefined ? null : new Date(Date.now() + Number(seconds) * 1_000).toISOString();
}

/** Words that were typed with blanks, commas or line breaks between them. */
export function splitWords(text: string | undefined): string[] {
  return text?.split(/[\s,]+/).filter((word) => word !== "") ?? [];
}

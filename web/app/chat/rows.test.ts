import { expect, test } from "bun:test";
import type { Message } from "../../../protocol/objects.ts";
import { buildRows } from "./rows.ts";
import { formatDay, knownZone } from "./time.ts";

function message(id: string, user_id: string, at: string, reply_to_id: string | null = null): Message {
  const created_at = `2026-11-${at}:00.000Z`;
  return {
    id,
    channel_id: "1",
    seq: Number(id),
    user_id,
    username: user_id,
    content: id,
    client_id: null,
    reply_to_id,
    created_at,
    edited_at: null,
    deleted_at: null,
  };
}

function shape(messages: Message[], firstNew: string | null, zone: string): string[] {
  return buildRows(messages, firstNew, zone).map((row) =>
    row.kind === "message" ? (row.head ? `${row.key} head` : row.key) : row.kind,
  );
}

test("messages of one author within five minutes are one group; a reply, a pause and another author begin a new one", () => {
  const messages = [
    message("1", "ada", "21T10:00"),
    message("2", "ada", "21T10:04"),
    message("3", "ada", "21T10:10"),
    message("4", "bo", "21T10:11"),
    message("5", "bo", "21T10:11", "1"),
  ];
  expect(shape(messages, null, "UTC")).toEqual(["day", "1 head", "2", "3 head", "4 head", "5 head"]);
});

test("days are in the reader's zone", () => {
  const messages = [message("1", "ada", "21T22:30"), message("2", "ada", "21T23:30")];
  expect(shape(messages, null, "UTC")).toEqual(["day", "1 head", "2 head"]);
  expect(shape(messages, null, "Europe/Berlin")).toEqual(["day", "1 head", "day", "2 head"]);
});

test("the line of new messages is before the first unread one", () => {
  expect(shape([message("1", "ada", "21T10:00"), message("2", "ada", "21T10:01")], "2", "UTC")).toEqual([
    "day",
    "1 head",
    "new",
    "2 head",
  ]);
});

test("days have names such as Today", () => {
  const now = Date.parse("2026-11-21T09:00:00Z");
  expect(formatDay("2026-11-21T01:00:00.000Z", now, "UTC")).toBe("Today");
  expect(formatDay("2026-11-20T23:00:00.000Z", now, "UTC")).toBe("Yesterday");
  expect(formatDay("2026-11-14T12:00:00.000Z", now, "UTC")).toBe("Saturday 14 November");
  expect(formatDay("2025-11-14T12:00:00.000Z", now, "UTC")).toBe("14 November 2025");
});

test("a zone that this runtime does not know becomes UTC", () => {
  expect(knownZone("Europe/Berlin")).toBe("Europe/Berlin");
  expect(knownZone("Mars/Olympus")).toBe("UTC");
  expect(knownZone(null)).toBe("UTC");
});

import { expect, test } from "bun:test";
import { parseEvents } from "./trace-stream.ts";

test("a batch has the frames of its events and how many were left out; comments are ignored", () => {
  const text = '{"type":"message:created","payload":{"content":"data: event: left-out"}}';
  const event = `data: ${JSON.stringify({ type: "message:created", text })}`;
  const batch = parseEvents([":", event, "event: left-out\ndata: 12", "event: left-out\ndata: 3", event]);
  expect(batch.dropped).toBe(15);
  expect(batch.frames.map(({ type, text }) => ({ type, text }))).toEqual([
    { type: "message:created", text },
    { type: "message:created", text },
  ]);
  expect(parseEvents([":"])).toEqual({ frames: [], dropped: 0 });
});

import { expect, test } from "bun:test";
import { parseEvents } from "./trace-stream.ts";

test("a turn has the frames of its events and how many were left out; comments say nothing", () => {
  const text = '{"type":"message:created","payload":{"content":"data: event: left-out"}}';
  const event = `data: ${JSON.stringify({ type: "message:created", text })}`;
  const turn = parseEvents([":", event, "event: left-out\ndata: 12", "event: left-out\ndata: 3", event]);
  expect(turn.dropped).toBe(15);
  expect(turn.frames.map(({ type, text }) => ({ type, text }))).toEqual([
    { type: "message:created", text },
    { type: "message:created", text },
  ]);
  expect(parseEvents([":"])).toEqual({ frames: [], dropped: 0 });
});

import { expect, test } from "bun:test";
import { buildBody } from "./webhook-body.ts";

const EVENT = {
  event_type: "seat:sold",
  occurred_at: new Date("2026-11-30T12:00:00.000Z"),
  room: "event:7",
  seq: 3,
  epoch: "e",
};

const getData = (payload: string) =>
  /^\{"type":"seat:sold","timestamp":"[^"]+","data":(.*)\}$/.exec(buildBody({ ...EVENT, payload }))?.[1];

test("a payload is posted as it was written: numbers, and names with escapes, as well", () => {
  expect(getData('{"\\u0061":1.0,"b":12345678901234567890}')).toBe(
    '{"room":"event:7","seq":3,"epoch":"e","\\u0061":1.0,"b":12345678901234567890}',
  );
});

test("fields of a payload with the names of ours are replaced, however they are written", () => {
  expect(getData('{"seq":9,"a":1,"\\u0072oom":"x","epoch":null}')).toBe('{"room":"event:7","seq":3,"epoch":"e","a":1}');
});

test("a test delivery is in no room", () => {
  expect(JSON.parse(buildBody({ ...EVENT, room: null, seq: null, epoch: null, payload: '{"seq":9}' })).data).toEqual({
    seq: 9,
  });
});

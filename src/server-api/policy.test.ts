import { expect, test } from "bun:test";
import { FRAMES } from "../../protocol/frames.ts";
import { NOTICES } from "../../protocol/notices.ts";
import { checkEventType, validatePayload } from "./policy.ts";

const ROOMS = ["channel:1", "user:1", "all"];

test.each(Object.keys(FRAMES))("in chat's rooms, a service sends %s only if it is a notice", (type) => {
  const isNotice = Object.hasOwn(NOTICES, type);
  const ownType = `${type.split(":")[0]}:zzz`;
  for (const room of ROOMS) {
    for (const sent of [type, ownType]) {
      const check = expect(() => checkEventType(sent, room));
      if (isNotice) check.not.toThrow();
      else check.toThrow("which only the server sends here");
    }
  }
});

test.each(["message:created", "member:zzz", "read:zzz"])("in rooms without chat, a service may send %s", (type) => {
  expect(() => checkEventType(type, "event:1")).not.toThrow();
});

// Names that every object has. "__proto__" is no event type: those begin with a letter.
test.each(["note:new", "constructor", "toString", "valueOf"])("a payload of %s goes as it is", (type) => {
  const text = '{"n":1.10,"total_amount":"free"}';
  expect(validatePayload(type, { text, value: JSON.parse(text) })).toBe(text);
});

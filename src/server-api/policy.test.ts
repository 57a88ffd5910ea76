import { expect, test } from "bun:test";
import { validatePayload } from "./policy.ts";

// Names that every object has. "__proto__" is no event type: those begin with a letter.
test.each(["note:new", "constructor", "toString", "valueOf"])("a payload of %s goes as it is", (type) => {
  const text = '{"n":1.10,"total_amount":"free"}';
  expect(validatePayload(type, { text, value: JSON.parse(text) })).toBe(text);
});

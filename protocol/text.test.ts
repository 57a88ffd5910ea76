import { expect, test } from "bun:test";
import fc from "fast-check";
import { ChannelName, ChannelTopic, MessageContent, Username } from "./objects.ts";
import { isVisible, trimBlanks } from "./visible.ts";

const refused = (schema: { safeParse(value: unknown): { success: boolean } }, value: string) =>
  !schema.safeParse(value).success;

/** Blank letters, joiners, blanks, controls, tags: characters that show nothing. */
const UNSEEN = [
  "\u3164",
  "\u200b",
  "\u2800",
  "\u115f",
  "\u00ad",
  "\ufeff",
  "\u200d",
  "\u{e0041}",
  "\u2062",
  "\u00a0",
  "\n",
];

test("a text that shows nothing is no name and no message", () => {
  for (const unseen of UNSEEN)
    for (const text of [unseen, unseen.repeat(3), ` ${unseen}\t`])
      for (const schema of [MessageContent, ChannelName, Username]) expect(refused(schema, text)).toBe(true);
  expect(ChannelTopic.parse("\u3164 \u200b")).toBe("");
});

test("a message keeps its joiners and the blanks around it", () => {
  for (const text of ["👩‍👩‍👧", "می‌خواهم", " indented\n", "❤️", "א\u202eb"])
    expect(MessageContent.parse(text)).toBe(text);
});

test("a name has no blanks around it, and no characters that change its direction or break its line", () => {
  for (const name of ["Talk ", "\u200bTalk\u200b", " Talk\u3164", "\tTalk"])
    expect(ChannelName.parse(name)).toBe("Talk");
  for (const name of ["\u202enimda", "a\u2066b", "a\nb", "a\u2028b", "\u061ca"])
    expect(refused(ChannelName, name)).toBe(true);
  for (const name of ["❤️", "می‌خواهم", "👩‍👩‍👧 family"]) expect(ChannelName.parse(name)).toBe(name);
});

test("usernames have letters and marks of any script, in any normal form", () => {
  for (const [typed, stored] of [
    ["हिन्दी", "हिन्दी"],
    ["กิตติ", "กิตติ"],
    ["José", "José"],
    ["Ｔａｒｏ", "Taro"],
    ["ﬁona", "fiona"],
  ] as const) {
    expect(Username.parse(typed)).toBe(stored);
  }
  for (const name of [
    "a\u3164",
    "ab\u200d",
    "z\u0300\u0301\u0302\u0303\u0304a",
    "\u0301ab",
    "a b",
    "\ufdfa",
    "ab-",
    "a",
  ])
    expect(refused(Username, name)).toBe(true);
});

test("trimming removes no visible character, and leaves no blank at either end", () => {
  const sign = fc.constantFrom(...UNSEEN, "a", "é", "😀", "\ufe0f", " ");
  fc.assert(
    fc.property(fc.array(sign), (signs) => {
      const text = signs.join("");
      const trimmed = trimBlanks(text);
      expect(text).toContain(trimmed);
      expect(trimmed.trim()).toBe(trimmed);
      expect(isVisible(trimmed)).toBe(isVisible(text));
    }),
  );
});

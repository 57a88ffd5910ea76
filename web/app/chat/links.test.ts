import { expect, test } from "bun:test";
import fc from "fast-check";
import { MESSAGE_MAX } from "../../../protocol/objects.ts";
import { MAX_LINK, splitLinks } from "./links.ts";

const linksIn = (text: string) =>
  splitLinks(text)
    .filter(({ kind }) => kind === "link")
    .map((part) => part.text);

test("a link is what its author means: with its brackets, without the sentence's punctuation, in any script", () => {
  for (const [text, ...links] of [
    ["https://example.org/Usher_(occupation)", "https://example.org/Usher_(occupation)"],
    ["(see https://example.org/a), please", "https://example.org/a"],
    ["https://example.org/a。下一句", "https://example.org/a"],
    ["`https://example.org/a`", "https://example.org/a"],
    ["HTTPS://Example.org/A!", "HTTPS://Example.org/A"],
    ["https://例え.jp/パス http://[::1]:8080/x", "https://例え.jp/パス", "http://[::1]:8080/x"],
    ["http://localhost:3003/channels/1?at=2#m-2.", "http://localhost:3003/channels/1?at=2#m-2"],
  ] as const) {
    expect(linksIn(text)).toEqual(links);
  }
});

test("nothing else becomes a link: other schemes, a name before the host, a link with a bidi control or that is too long", () => {
  for (const text of [
    "javascript:alert(1) data:text/html,x ftp://a.example mailto:a@b.example //a.example a.example",
    "https://bank.example@other.example/ https://user:secret@other.example/",
    `https://a.example/${"a".repeat(MAX_LINK)}`,
  ]) {
    expect(linksIn(text)).toEqual([]);
  }
  expect(linksIn("https://a.example/\u202egpj.exe")).toEqual(["https://a.example/"]);
});

test("the parts of any text are that text again", () => {
  const pieces = ["https://", "http://a.example/", ")", "(", ".", " ", "`", "\u202e", "@", "é", "😀", "]", "a"];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 200 }), (texts) => {
      const text = texts.join("");
      const parts = splitLinks(text);
      expect(parts.map((part) => part.text).join("")).toBe(text);
      for (const { at, text: part } of parts) expect(text.startsWith(part, at)).toBe(true);
    }),
  );
});

test("the search in the longest message of the worst characters takes time linear to its length", () => {
  const units = [
    ")",
    "(",
    "[",
    "http://",
    "http://a.example/",
    "http://a.example/(",
    "http://a.example/{([",
    ".",
    "'",
    "a-",
    "@",
  ];
  const starts = ["", "http://", "http://a.example/", "http://a.example/("];
  const once = (text: string) => {
    const began = performance.now();
    splitLinks(text);
    return performance.now() - began;
  };
  let total = 0;
  for (const start of starts)
    for (const unit of units) {
      const attack = `${start}${unit.repeat(MESSAGE_MAX).slice(0, MESSAGE_MAX - start.length - 1)}x`;
      total += Math.min(once(attack), once(attack), once(attack));
    }
  // About 40 ms. A pattern that starts again at each character took 305 ms for a single one of these.
  expect(total).toBeLessThan(1_000);
});

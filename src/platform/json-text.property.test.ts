import { expect, test } from "bun:test";
import fc from "fast-check";
import { joinTokens, jsonObject, jsonValue, whiteSpace as spaces } from "../../tests/support/json-texts.ts";
import {
  compactJson,
  countMembers,
  findDuplicateName,
  getMemberText,
  iterateMembers,
  mergeObjectTexts,
  withMember,
} from "./json-text.ts";

test("white space between parts goes, and nothing else does", () => {
  fc.assert(
    fc.property(jsonValue, spaces, (tokens, gaps) => {
      const { text, members } = compactJson(joinTokens(tokens, gaps));
      expect(text).toBe(tokens.join(""));
      expect(members).toBe(countMembers(JSON.parse(text)));
      expect(findDuplicateName(text)).toBeUndefined();
    }),
  );
});

test("the members of an object have the names that a parser reads, and the texts that were written", () => {
  fc.assert(
    fc.property(jsonObject, spaces, (tokens, gaps) => {
      const members = [...iterateMembers(joinTokens(tokens, gaps))].map(([name, text]) => [
        name,
        compactJson(text).text,
      ]);
      const compact = tokens.join("");
      expect(members.map(([name]) => name).sort()).toEqual(Object.keys(JSON.parse(compact)).sort());
      for (const [name, text] of members) expect(getMemberText(compact, name!)).toBe(text);
    }),
  );
});

test("of a member that is there twice the last counts, as for a parser, and it is detected", () => {
  fc.assert(
    fc.property(jsonObject, jsonValue, fc.constantFrom('"x"', '"\\u0078"'), (tokens, value, name) => {
      const first = tokens.join("");
      const text = mergeObjectTexts(mergeObjectTexts(`{${name}:1}`, first), `{"x":${value.join("")}}`);
      expect(getMemberText(text, "x")).toBe(value.join(""));
      expect(compactJson(text).members).toBeGreaterThan(countMembers(JSON.parse(text)));
      expect(findDuplicateName(text)).toBe("x");
    }),
  );
});

test("a member is put after the others of an object, or alone into an empty one", () => {
  expect(withMember({ a: 1 }, 'b"', "10.10")).toBe('{"a":1,"b\\"":10.10}');
  expect(withMember({}, "a", "{}")).toBe('{"a":{}}');
  expect(mergeObjectTexts('{"a":1}', "{}")).toBe('{"a":1}');
});

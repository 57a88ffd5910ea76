import { expect, test } from "bun:test";
import fc from "fast-check";
import { headOf, type Line, parse, parseHead, write } from "./message.ts";
import { cutUp, Pieces } from "./pieces.ts";

const word = fc.stringMatching(/^[a-zA-Z0-9_.:-]{1,20}$/);
const subject = fc.stringMatching(/^[a-z_ -]{1,20}$/);
const json = fc.json();
const line: fc.Arbitrary<Line> = fc.oneof(
  fc.record({
    what: fc.constant("entry" as const),
    entry: fc.record({
      room: word,
      seq: fc.integer({ min: 1 }),
      type: word,
      payload: fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value)),
    }),
  }),
  fc.record({ what: fc.constant("announcement" as const), room: word, seq: fc.integer({ min: 1 }) }),
  fc.record({ what: fc.constant("word" as const), subject, payload: json }),
  fc.record({ what: fc.constant("question" as const), id: word, question: subject, payload: json }),
  fc.record({ what: fc.constant("answer" as const), id: word, payload: fc.option(json) }),
  fc.record({ what: fc.constant("probe" as const), number: fc.nat() }),
);

test("every line is read as it was written, and is one line", () => {
  fc.assert(
    fc.property(line, (written) => {
      const text = write(written);
      expect(text).not.toContain("\n");
      expect(parse(text)).toEqual(written);
    }),
  );
});

test("what a newer release says besides is left out, line by line, and a message in another form altogether", () => {
  expect(parse("Z something new")).toBeNull();
  expect(parseHead("usher2 n1 3 0a1b 7")).toBeNull();
  expect(parse('E event:1 7 seats:merged {"new":"field"}')).toEqual({
    what: "entry",
    entry: { room: "event:1", seq: 7, type: "seats:merged", payload: '{"new":"field"}' },
  });
});

test("whatever comes, reading it does not throw", () => {
  const letters = fc.constantFrom("E", "A", "W", "Q", "R", "N", "P", "F", "x");
  fc.assert(
    fc.property(letters, fc.string({ maxLength: 60, unit: "binary" }), (letter, rest) => {
      parse(`${letter} ${rest}`);
      parse(rest);
      expect(parseHead(rest)).toBeNull();
    }),
  );
  expect(parseHead(headOf({ mailbox: "n1", node: 1023, epoch: "0a1b" }, 7))).toEqual({
    mailbox: "n1",
    node: 1023,
    epoch: "0a1b",
  });
});

test("a long line goes over in pieces that fit, as bytes, whatever is written in it", () => {
  const units = fc.string({ unit: fc.constantFrom("a", "ü", "€", "🎭", "\u2028"), minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(units, fc.integer({ min: 12, max: 99 }), (text, most) => {
      const pieces = new Pieces();
      const cut = cutUp("1", text, most)!;
      const whole = cut.map((piece) => {
        const bytes = Buffer.from(piece.text);
        expect(bytes.length).toBeLessThanOrEqual(most);
        return pieces.take("n1", { ...piece, text: bytes.toString() });
      });
      expect(whole.pop()).toBe(text);
      expect(whole.every((one) => one === null)).toBe(true);
    }),
  );
});

test("a line of which a piece was lost is forgotten; those of other senders are not", () => {
  const pieces = new Pieces();
  const cut = cutUp("1", "x".repeat(90), 90)!;
  expect(cut).toHaveLength(3);
  const [one, , three] = cut;
  for (const piece of cut.slice(0, 2)) expect(pieces.take("b", piece)).toBeNull();
  expect(pieces.take("a", one!)).toBeNull();
  expect(pieces.take("a", three!)).toBeNull();
  expect(pieces.take("b", three!)).toBe("x".repeat(90));
  expect(pieces.take("a", three!)).toBeNull();
});

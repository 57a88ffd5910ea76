import { expect, test } from "bun:test";
import fc from "fast-check";
import { ChunkAssembler, splitIntoChunks } from "./chunks.ts";
import { formatHead, formatLine, type Line, parseHead, parseLine } from "./message.ts";

const word = fc.stringMatching(/^[a-zA-Z0-9_.:-]{1,20}$/);
const subject = fc.stringMatching(/^[a-z_ -]{1,20}$/);
const json = fc.json();
const line: fc.Arbitrary<Line> = fc.oneof(
  fc.record({
    kind: fc.constant("entry" as const),
    entry: fc.record({
      room: word,
      seq: fc.integer({ min: 1 }),
      type: word,
      payload: fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value)),
    }),
  }),
  fc.record({ kind: fc.constant("announcement" as const), room: word, seq: fc.integer({ min: 1 }) }),
  fc.record({ kind: fc.constant("message" as const), subject, payload: json }),
  fc.record({ kind: fc.constant("request" as const), id: word, question: subject, payload: json }),
  fc.record({ kind: fc.constant("reply" as const), id: word, payload: fc.option(json) }),
  fc.record({ kind: fc.constant("probe" as const), number: fc.nat() }),
);

test("every line is read as it was written, and is one line", () => {
  fc.assert(
    fc.property(line, (written) => {
      const text = formatLine(written);
      expect(text).not.toContain("\n");
      expect(parseLine(text)).toEqual(written);
    }),
  );
});

test("what a newer release says besides is left out, line by line, and a message in another form altogether", () => {
  expect(parseLine("Z something new")).toBeNull();
  expect(parseHead("usher2 n1 3 0a1b 7")).toBeNull();
  expect(parseLine('E event:1 7 seats:merged {"new":"field"}')).toEqual({
    kind: "entry",
    entry: { room: "event:1", seq: 7, type: "seats:merged", payload: '{"new":"field"}' },
  });
});

test("whatever comes, reading it does not throw", () => {
  const letters = fc.constantFrom("E", "A", "W", "Q", "R", "N", "P", "F", "x");
  fc.assert(
    fc.property(letters, fc.string({ maxLength: 60, unit: "binary" }), (letter, rest) => {
      parseLine(`${letter} ${rest}`);
      parseLine(rest);
      expect(parseHead(rest)).toBeNull();
    }),
  );
  expect(parseHead(formatHead({ instanceId: "n1", node: 1023, epoch: "0a1b" }, 7))).toEqual({
    instanceId: "n1",
    node: 1023,
    epoch: "0a1b",
  });
});

test("a long line goes over in pieces that fit, as bytes, whatever is written in it", () => {
  const units = fc.string({ unit: fc.constantFrom("a", "ü", "€", "🎭", "\u2028"), minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(units, fc.integer({ min: 12, max: 99 }), (text, most) => {
      const pieces = new ChunkAssembler();
      const cut = splitIntoChunks("1", text, most)!;
      const whole = cut.map((piece) => {
        const bytes = Buffer.from(piece.text);
        expect(bytes.length).toBeLessThanOrEqual(most);
        return pieces.add("n1", { ...piece, text: bytes.toString() });
      });
      expect(whole.pop()).toBe(text);
      expect(whole.every((one) => one === null)).toBe(true);
    }),
  );
});

test("a line of which a piece was lost is forgotten; those of other senders are not", () => {
  const pieces = new ChunkAssembler();
  const cut = splitIntoChunks("1", "x".repeat(90), 90)!;
  expect(cut).toHaveLength(3);
  const [one, , three] = cut;
  for (const piece of cut.slice(0, 2)) expect(pieces.add("b", piece)).toBeNull();
  expect(pieces.add("a", one!)).toBeNull();
  expect(pieces.add("a", three!)).toBeNull();
  expect(pieces.add("b", three!)).toBe("x".repeat(90));
  expect(pieces.add("a", three!)).toBeNull();
});

import { expect, test } from "bun:test";
import fc from "fast-check";
import { ChunkAssembler, splitIntoChunks } from "./chunks.ts";
import { formatHead, formatLine, type Line, parseHead, parseLine } from "./message.ts";

const name = fc.stringMatching(/^[a-zA-Z0-9_.:-]{1,20}$/);
const subject = fc.stringMatching(/^[a-z_ -]{1,20}$/);
const json = fc.json();
const line: fc.Arbitrary<Line> = fc.oneof(
  fc.record({
    kind: fc.constant("entry" as const),
    entry: fc.record({
      room: name,
      seq: fc.integer({ min: 1 }),
      type: name,
      payload: fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value)),
    }),
  }),
  fc.record({ kind: fc.constant("announcement" as const), room: name, seq: fc.integer({ min: 1 }) }),
  fc.record({ kind: fc.constant("message" as const), subject, payload: json }),
  fc.record({ kind: fc.constant("request" as const), id: name, name: subject, payload: json }),
  fc.record({ kind: fc.constant("reply" as const), id: name, payload: fc.option(json) }),
  fc.record({ kind: fc.constant("probe" as const), number: fc.nat() }),
);

test("a line is parsed as it was formatted, and is one line", () => {
  fc.assert(
    fc.property(line, (written) => {
      const text = formatLine(written);
      expect(text).not.toContain("\n");
      expect(parseLine(text)).toEqual(written);
    }),
  );
});

test("unknown kinds of lines of a newer release are ignored, and so are messages in another format", () => {
  expect(parseLine("Z something new")).toBeNull();
  expect(parseHead("usher2 n1 3 0a1b 7")).toBeNull();
  expect(parseLine('E event:1 7 seats:merged {"new":"field"}')).toEqual({
    kind: "entry",
    entry: { room: "event:1", seq: 7, type: "seats:merged", payload: '{"new":"field"}' },
  });
});

test("no input makes the parser throw", () => {
  const kinds = fc.constantFrom("E", "A", "W", "Q", "R", "N", "P", "F", "x");
  fc.assert(
    fc.property(kinds, fc.string({ maxLength: 60, unit: "binary" }), (kind, text) => {
      parseLine(`${kind} ${text}`);
      parseLine(text);
      expect(parseHead(text)).toBeNull();
    }),
  );
  expect(parseHead(formatHead({ instanceId: "n1", node: 1023, epoch: "0a1b" }, 7))).toEqual({
    instanceId: "n1",
    node: 1023,
    epoch: "0a1b",
  });
});

test("a long line is sent in chunks whose bytes fit, whatever its text", () => {
  const units = fc.string({ unit: fc.constantFrom("a", "ü", "€", "🎭", "\u2028"), minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(units, fc.integer({ min: 12, max: 99 }), (text, maxBytes) => {
      const assembler = new ChunkAssembler();
      const cut = splitIntoChunks("1", text, maxBytes)!;
      const whole = cut.map((chunk) => {
        const bytes = Buffer.from(chunk.text);
        expect(bytes.length).toBeLessThanOrEqual(maxBytes);
        return assembler.add("n1", { ...chunk, text: bytes.toString() });
      });
      expect(whole.pop()).toBe(text);
      expect(whole.every((one) => one === null)).toBe(true);
    }),
  );
});

test("a line that lacks a chunk is dropped; those of other senders are not", () => {
  const assembler = new ChunkAssembler();
  const cut = splitIntoChunks("1", "x".repeat(90), 90)!;
  expect(cut).toHaveLength(3);
  const [one, , three] = cut;
  for (const chunk of cut.slice(0, 2)) expect(assembler.add("b", chunk)).toBeNull();
  expect(assembler.add("a", one!)).toBeNull();
  expect(assembler.add("a", three!)).toBeNull();
  expect(assembler.add("b", three!)).toBe("x".repeat(90));
  expect(assembler.add("a", three!)).toBeNull();
});

import { expect, test } from "bun:test";
import { audit, type Stretch, type View } from "./audit.ts";

const LOG = Array.from({ length: 40 }, (_, n) => 1_000 + n);
const truth = new Map([["event:1", LOG]]);

function makeView(change: (stretch: Stretch) => void = () => {}): View {
  const stretch = { from: 4, seqs: LOG.slice(4).map((_, n) => n + 5), marks: LOG.slice(4) };
  change(stretch);
  return { who: "a", room: "event:1", stretches: [stretch], position: 40 };
}

test("a whole stream has no faults", () => {
  expect(audit([makeView()], truth)).toMatchObject({ deliveries: 36, lost: 0, repeated: 0, disordered: 0, wrong: 0 });
});

const both = (work: (list: number[]) => void) => (stretch: Stretch) => [stretch.seqs, stretch.marks].forEach(work);

test.each([
  ["a dropped frame", "lost", both((list) => list.splice(10, 1))],
  ["a dropped last frame", "lost", both((list) => list.pop())],
  ["a repeated frame", "repeated", both((list) => list.splice(10, 0, list[10]!))],
  ["two swapped frames", "disordered", both((list) => list.splice(10, 2, list[11]!, list[10]!))],
  ["another frame under its number", "wrong", ({ marks }: Stretch) => marks.splice(10, 1, 7)],
] as const)("%s is %s", (_, kind, plant) => {
  const found = audit([makeView(plant as (stretch: Stretch) => void)], truth);
  expect(found[kind]).toBeGreaterThan(0);
});

test("a restart from a new position that was announced is no loss", () => {
  const view = makeView((stretch) => {
    stretch.seqs.length = 10;
    stretch.marks.length = 10;
  });
  view.stretches.push({ from: 30, seqs: LOG.slice(30).map((_, n) => n + 31), marks: LOG.slice(30) });
  expect(audit([view], truth)).toMatchObject({ lost: 0, resets: 1 });
});

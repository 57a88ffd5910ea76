import { expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../errors.ts";
import { createIds } from "./ids.ts";

const BEGIN = 1_795_000_000_000;

function idsAt(clock: { ms: number }, node = 5, isHeld = () => true) {
  return createIds({ lease: { node, isHeld: isHeld }, clock: { now: () => clock.ms } });
}

test("an id holds the time, the node and a count", () => {
  const id = BigInt(idsAt({ ms: BEGIN }, 1023).next());
  expect(id >> 22n).toBe(BigInt(BEGIN - 1_288_834_974_657));
  expect((id >> 12n) & 1023n).toBe(1023n);
  expect(id & 4095n).toBe(0n);
});

test("ids rise and are never given twice, whatever the clock does within its bounds", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -8, max: 30 }), { maxLength: 400 }), (steps) => {
      const clock = { ms: BEGIN };
      let highest = BEGIN;
      const ids = idsAt(clock);
      let last = 0n;
      for (const step of steps) {
        clock.ms = Math.max(clock.ms + step, highest - 15);
        highest = Math.max(highest, clock.ms);
        const id = BigInt(ids.next());
        expect(id > last).toBe(true);
        last = id;
      }
    }),
  );
});

test("more than 4,096 ids in one ms run into the next ms", () => {
  const ids = idsAt({ ms: BEGIN });
  const given = Array.from({ length: 10_000 }, () => ids.next());
  expect(new Set(given).size).toBe(10_000);
  expect(given.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))).toEqual(given);
});

test("a clock that is set back by more than a little is refused until it has caught up", () => {
  const clock = { ms: BEGIN };
  const ids = idsAt(clock);
  const last = BigInt(ids.next());
  clock.ms = BEGIN - 1_000;
  expect(() => ids.next()).toThrow(AppError);
  clock.ms = BEGIN;
  expect(BigInt(ids.next()) > last).toBe(true);
});

test("no ids without the lease", () => {
  let held = true;
  const ids = idsAt({ ms: BEGIN }, 1, () => held);
  ids.next();
  held = false;
  expect(() => ids.next()).toThrow("lost its number");
});

test("a process that was stopped between the time and the lease makes no id of the time after it", () => {
  let held = true;
  const stops = {
    now() {
      held = false; // as when SIGSTOP comes here and SIGCONT much later
      return BEGIN;
    },
  };
  expect(() => createIds({ lease: { node: 1, isHeld: () => held }, clock: stops }).next()).toThrow("lost its number");
});

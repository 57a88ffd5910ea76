import { expect, test } from "bun:test";
import fc from "fast-check";
import { RING, RING_SIZE } from "./limits.ts";
import { Room } from "./room.ts";

const entry = (seq: number) => ({ room: "event:1", seq, type: "t", payload: String(seq) });

function listen(personal = false) {
  const shown: number[] = [];
  let missing = 0;
  const outlet = {
    show: (_room: Room, _type: string, frame: string) => void shown.push(JSON.parse(frame).seq),
    shown: () => {},
    missing: () => void missing++,
  };
  const room = new Room("event:1", outlet, personal);
  if (!personal) room.members = 1;
  return { room, shown, missing: () => missing };
}

test("OR-2 whatever order entries come in, and however often, they are shown once and in order", () => {
  const arrivals = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 300 });
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 0, max: 20 }), (seqs, head) => {
      const { room, shown } = listen();
      room.learn(head, head);
      for (const seq of seqs) room.offer(entry(seq));
      for (let seq = 1; seq <= 60; seq++) room.offer(entry(seq));
      expect(shown).toEqual(Array.from({ length: 60 - head }, (_, i) => head + 1 + i));
    }),
  );
});

test("OR-3 a hole is told, and nothing is shown beyond it until it is filled", () => {
  const { room, shown, missing } = listen();
  room.learn(4, 4);
  room.offer(entry(6));
  expect(missing()).toBe(1);
  expect(room.behind).toBe(true);
  expect(shown).toEqual([]);
  room.offer(entry(5));
  expect(shown).toEqual([5, 6]);
  expect(room.behind).toBe(false);
});

test("OR-3 a head that a read told of is missing too", () => {
  const { room, missing } = listen();
  room.learn(4, 4);
  room.learn(0, 9);
  expect(room.behind).toBe(true);
  expect(missing()).toBe(1);
});

test("frames stay in memory for those who come close to the head", () => {
  const { room } = listen();
  room.learn(0, 0);
  for (let seq = 1; seq <= 1_000; seq++) room.offer(entry(seq));
  expect(room.framesAfter(1_000)).toEqual([]);
  expect(room.framesAfter(1_000 - RING)).toHaveLength(RING);
  expect(room.framesAfter(1_000 - 2 * RING)).toBeNull();
  expect(room.framesAfter(1_001)).toBeNull();
  room.forgetFrames();
  expect(room.framesAfter(1_000)).toEqual([]);
  expect(room.framesAfter(999)).toBeNull();
});

test("OR-3 what came while the log was read stays held, when the log lacks what was told before", () => {
  const { room, shown } = listen();
  room.learn(4, 4);
  room.offer(entry(9)); // the log does not have it
  const [held, announced] = [room.held, room.highest];
  room.offer(entry(6)); // during the read; 5 is late
  room.drop(held, 4, announced);
  expect([room.highest, room.behind]).toEqual([6, true]);
  room.offer(entry(5));
  expect(shown).toEqual([5, 6]);
});

test("frames in memory are bounded by their size, too; what is beyond is read from the log", () => {
  const { room } = listen();
  room.learn(0, 0);
  const big = { ...entry(1), payload: JSON.stringify("x".repeat(60_000)) };
  for (let seq = 1; seq <= 200; seq++) room.offer({ ...big, seq });
  let kept = 0;
  while (room.framesAfter(200 - kept - 1) !== null) kept++;
  expect(kept * 60_000).toBeLessThanOrEqual(2 * RING_SIZE);
  expect(kept).toBeGreaterThan(3);
});

test("CN-7 a person's own room begins with what is held, in order, when nobody named a position", () => {
  const { room, shown } = listen(true);
  room.offer(entry(8));
  room.offer(entry(7));
  expect(shown).toEqual([]);
  room.settle();
  expect(shown).toEqual([7, 8]);
});

test("CN-7 a read of another connection skips nothing that is held for those who are live", () => {
  const { room, shown } = listen(true);
  room.offer(entry(7));
  room.learn(5, 8);
  room.offer(entry(6));
  room.offer(entry(8));
  expect(shown).toEqual([7, 8]);
});

test("an entry that was only announced is missing, and shown in its turn once it was read", () => {
  const { room, shown, missing } = listen();
  room.learn(4, 4);
  room.announce(6);
  expect(missing()).toBe(1);
  room.offer(entry(7));
  room.offer(entry(5));
  expect(shown).toEqual([5]);
  room.announce(5);
  expect(room.highest).toBe(7);
  room.offer(entry(6));
  expect(shown).toEqual([5, 6, 7]);
  expect(room.behind).toBe(false);
});

test("in a person's own room without a place, an announced entry is the beginning", () => {
  const { room, shown } = listen(true);
  room.announce(9);
  expect(room.behind).toBe(true);
  room.offer(entry(9));
  room.offer(entry(10));
  expect(shown).toEqual([9, 10]);
});

test("a room in which nobody is makes nothing of an announcement", () => {
  const { room, missing } = listen();
  room.members = 0;
  room.announce(9);
  expect([room.known, missing()]).toEqual([false, 0]);
});

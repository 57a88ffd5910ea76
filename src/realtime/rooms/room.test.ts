import { expect, test } from "bun:test";
import fc from "fast-check";
import { HISTORY_CHARS, HISTORY_SIZE } from "../limits/fixed-limits.ts";
import { Room } from "./room.ts";

const entry = (seq: number) => ({ room: "event:1", seq, type: "t", payload: String(seq) });

function listen(personal = false) {
  const shown: number[] = [];
  let missing = 0;
  const events = {
    onFrame: (_room: Room, _type: string, frame: string) => void shown.push(JSON.parse(frame).seq),
    onPublished: () => {},
    onGap: () => void missing++,
  };
  const room = new Room("event:1", events, personal);
  if (!personal) room.members = 1;
  return { room, shown, missing: () => missing };
}

test("OR-2 whatever order entries come in, and however often, they are shown once and in order", () => {
  const arrivals = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 300 });
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 0, max: 20 }), (seqs, head) => {
      const { room, shown } = listen();
      room.setHead(head, head);
      for (const seq of seqs) room.ingest(entry(seq));
      for (let seq = 1; seq <= 60; seq++) room.ingest(entry(seq));
      expect(shown).toEqual(Array.from({ length: 60 - head }, (_, i) => head + 1 + i));
    }),
  );
});

test("OR-3 a hole is told, and nothing is shown beyond it until it is filled", () => {
  const { room, shown, missing } = listen();
  room.setHead(4, 4);
  room.ingest(entry(6));
  expect(missing()).toBe(1);
  expect(room.hasGap).toBe(true);
  expect(shown).toEqual([]);
  room.ingest(entry(5));
  expect(shown).toEqual([5, 6]);
  expect(room.hasGap).toBe(false);
});

test("OR-3 a head that a read told of is missing too", () => {
  const { room, missing } = listen();
  room.setHead(4, 4);
  room.setHead(0, 9);
  expect(room.hasGap).toBe(true);
  expect(missing()).toBe(1);
});

test("frames stay in memory for those who come close to the head", () => {
  const { room } = listen();
  room.setHead(0, 0);
  for (let seq = 1; seq <= 1_000; seq++) room.ingest(entry(seq));
  expect(room.framesAfter(1_000)).toEqual([]);
  expect(room.framesAfter(1_000 - HISTORY_SIZE)).toHaveLength(HISTORY_SIZE);
  expect(room.framesAfter(1_000 - 2 * HISTORY_SIZE)).toBeNull();
  expect(room.framesAfter(1_001)).toBeNull();
  room.clearHistory();
  expect(room.framesAfter(1_000)).toEqual([]);
  expect(room.framesAfter(999)).toBeNull();
});

test("OR-3 what came while the log was read stays held, when the log lacks what was told before", () => {
  const { room, shown } = listen();
  room.setHead(4, 4);
  room.ingest(entry(9)); // the log does not have it
  const [held, announced] = [room.bufferedSeqs, room.highest];
  room.ingest(entry(6)); // during the read; 5 is late
  room.dropBuffered(held, 4, announced);
  expect([room.highest, room.hasGap]).toEqual([6, true]);
  room.ingest(entry(5));
  expect(shown).toEqual([5, 6]);
});

test("frames in memory are bounded by their size, too; what is beyond is read from the log", () => {
  const { room } = listen();
  room.setHead(0, 0);
  const big = { ...entry(1), payload: JSON.stringify("x".repeat(60_000)) };
  for (let seq = 1; seq <= 200; seq++) room.ingest({ ...big, seq });
  let kept = 0;
  while (room.framesAfter(200 - kept - 1) !== null) kept++;
  expect(kept * 60_000).toBeLessThanOrEqual(2 * HISTORY_CHARS);
  expect(kept).toBeGreaterThan(3);
});

test("CN-7 a person's own room begins with what is held, in order, when nobody named a position", () => {
  const { room, shown } = listen(true);
  room.ingest(entry(8));
  room.ingest(entry(7));
  expect(shown).toEqual([]);
  room.acceptBuffered();
  expect(shown).toEqual([7, 8]);
});

test("CN-7 a read of another connection skips nothing that is held for those who are live", () => {
  const { room, shown } = listen(true);
  room.ingest(entry(7));
  room.setHead(5, 8);
  room.ingest(entry(6));
  room.ingest(entry(8));
  expect(shown).toEqual([7, 8]);
});

test("an entry that was only announced is missing, and shown in its turn once it was read", () => {
  const { room, shown, missing } = listen();
  room.setHead(4, 4);
  room.announce(6);
  expect(missing()).toBe(1);
  room.ingest(entry(7));
  room.ingest(entry(5));
  expect(shown).toEqual([5]);
  room.announce(5);
  expect(room.highest).toBe(7);
  room.ingest(entry(6));
  expect(shown).toEqual([5, 6, 7]);
  expect(room.hasGap).toBe(false);
});

test("in a person's own room without a place, an announced entry is the beginning", () => {
  const { room, shown } = listen(true);
  room.announce(9);
  expect(room.hasGap).toBe(true);
  room.ingest(entry(9));
  room.ingest(entry(10));
  expect(shown).toEqual([9, 10]);
});

test("a room in which nobody is makes nothing of an announcement", () => {
  const { room, missing } = listen();
  room.members = 0;
  room.announce(9);
  expect([room.isPositioned, missing()]).toEqual([false, 0]);
});

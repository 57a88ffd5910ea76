import { expect, test } from "bun:test";
import fc from "fast-check";
import { HISTORY_CHARS, HISTORY_SIZE } from "../limits/fixed-limits.ts";
import { Room } from "./room.ts";

const entry = (seq: number) => ({ room: "event:1", seq, type: "t", payload: String(seq) });

function listen(personal = false) {
  const published: number[] = [];
  let missing = 0;
  const events = {
    onFrame: (_room: Room, _type: string, frame: string) => void published.push(JSON.parse(frame).seq),
    onPublished: () => {},
    onGap: () => void missing++,
  };
  const room = new Room("event:1", events, personal);
  if (!personal) room.members = 1;
  return { room, published, missing: () => missing };
}

test("OR-2 entries in any order and repeated are published once and in order", () => {
  const arrivals = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 300 });
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 0, max: 20 }), (seqs, head) => {
      const { room, published } = listen();
      room.setHead(head, head);
      for (const seq of seqs) room.ingest(entry(seq));
      for (let seq = 1; seq <= 60; seq++) room.ingest(entry(seq));
      expect(published).toEqual(Array.from({ length: 60 - head }, (_, i) => head + 1 + i));
    }),
  );
});

test("OR-3 a gap is reported, and nothing is published after it until it is filled", () => {
  const { room, published, missing } = listen();
  room.setHead(4, 4);
  room.ingest(entry(6));
  expect(missing()).toBe(1);
  expect(room.hasGap).toBe(true);
  expect(published).toEqual([]);
  room.ingest(entry(5));
  expect(published).toEqual([5, 6]);
  expect(room.hasGap).toBe(false);
});

test("OR-3 entries up to a head that was read are missing too", () => {
  const { room, missing } = listen();
  room.setHead(4, 4);
  room.setHead(0, 9);
  expect(room.hasGap).toBe(true);
  expect(missing()).toBe(1);
});

test("frames stay in memory for joins close to the head", () => {
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

test("OR-3 what came while the log was read stays buffered, when the log lacks what was announced before", () => {
  const { room, published } = listen();
  room.setHead(4, 4);
  room.ingest(entry(9)); // the log does not have it
  const [buffered, announced] = [room.bufferedSeqs, room.highest];
  room.ingest(entry(6)); // during the read; 5 is late
  room.dropBuffered(buffered, 4, announced);
  expect([room.highest, room.hasGap]).toEqual([6, true]);
  room.ingest(entry(5));
  expect(published).toEqual([5, 6]);
});

test("frames in memory are bounded by their size, too; older ones are read from the log", () => {
  const { room } = listen();
  room.setHead(0, 0);
  const big = { ...entry(1), payload: JSON.stringify("x".repeat(60_000)) };
  for (let seq = 1; seq <= 200; seq++) room.ingest({ ...big, seq });
  let inMemory = 0;
  while (room.framesAfter(200 - inMemory - 1) !== null) inMemory++;
  expect(inMemory * 60_000).toBeLessThanOrEqual(2 * HISTORY_CHARS);
  expect(inMemory).toBeGreaterThan(3);
});

test("CN-7 a person's own room begins with what is buffered, in order, when there is no position", () => {
  const { room, published } = listen(true);
  room.ingest(entry(8));
  room.ingest(entry(7));
  expect(published).toEqual([]);
  room.acceptBuffered();
  expect(published).toEqual([7, 8]);
});

test("CN-7 a read for another connection skips nothing that is buffered for live ones", () => {
  const { room, published } = listen(true);
  room.ingest(entry(7));
  room.setHead(5, 8);
  room.ingest(entry(6));
  room.ingest(entry(8));
  expect(published).toEqual([7, 8]);
});

test("an entry that was only announced is missing, and published in order once it was read", () => {
  const { room, published, missing } = listen();
  room.setHead(4, 4);
  room.announce(6);
  expect(missing()).toBe(1);
  room.ingest(entry(7));
  room.ingest(entry(5));
  expect(published).toEqual([5]);
  room.announce(5);
  expect(room.highest).toBe(7);
  room.ingest(entry(6));
  expect(published).toEqual([5, 6, 7]);
  expect(room.hasGap).toBe(false);
});

test("in a person's own room without a position, an announced entry is the first", () => {
  const { room, published } = listen(true);
  room.announce(9);
  expect(room.hasGap).toBe(true);
  room.ingest(entry(9));
  room.ingest(entry(10));
  expect(published).toEqual([9, 10]);
});

test("an empty room ignores an announcement", () => {
  const { room, missing } = listen();
  room.members = 0;
  room.announce(9);
  expect([room.isPositioned, missing()]).toEqual([false, 0]);
});

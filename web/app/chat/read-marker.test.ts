import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Message } from "../../../protocol/objects.ts";
import { UsherError } from "../../../sdk/errors.ts";
import { countUnreadAfter, ReadMarker, type ReadPosition } from "./read-marker.ts";

const INTERVAL_MS = 1_000;
const position = (seq: number): ReadPosition => ({ id: `m${seq}`, seq });

/** A marker with a clock that the test advances; `fails` returns the error of a call, or null. */
function startMarker(fails: (call: number) => UsherError | null = () => null) {
  let now = 0;
  let due: { at: number; run: () => void }[] = [];
  const sent: { seq: number; at: number }[] = [];
  const marker = new ReadMarker(
    async ({ seq }) => {
      sent.push({ seq, at: now });
      const error = fails(sent.length);
      if (error) throw error;
    },
    INTERVAL_MS,
    (run, ms) => {
      const entry = { at: now + ms, run };
      due.push(entry);
      return () => {
        due = due.filter((each) => each !== entry);
      };
    },
  );
  /** Lets time pass and runs timers and promises. */
  async function pass(ms: number): Promise<void> {
    const end = now + ms;
    for (;;) {
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      const next = due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      due = due.filter((each) => each !== next);
      now = next.at;
      next.run();
    }
    now = end;
  }
  return { marker, sent, pass };
}

test("the first position is sent at once, the next ones at most one each interval, and the last one always", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ wait: fc.nat(1_500), seq: fc.integer({ min: 1, max: 50 }) }), {
        minLength: 1,
        maxLength: 30,
      }),
      async (reads) => {
        const { marker, sent, pass } = startMarker();
        for (const [index, { wait, seq }] of reads.entries()) {
          await pass(index === 0 ? 0 : wait);
          marker.read(position(seq));
          if (index === 0) expect(sent).toEqual([{ seq, at: 0 }]);
        }
        await pass(INTERVAL_MS);
        expect(sent.at(-1)?.seq).toBe(Math.max(...reads.map(({ seq }) => seq)));
        for (const [index, { seq, at }] of sent.entries()) {
          const before = sent[index - 1];
          if (before) expect(at - before.at).toBeGreaterThanOrEqual(INTERVAL_MS);
          if (before) expect(seq).toBeGreaterThan(before.seq);
        }
      },
    ),
  );
});

test("a user who reads without a pause is marked again and again, not only after they have stopped", async () => {
  const { marker, sent, pass } = startMarker();
  for (let seq = 1; seq <= 100; seq += 1) {
    marker.read(position(seq));
    await pass(100);
  }
  expect(sent.length).toBeGreaterThanOrEqual(10);
});

test("a user who leaves is marked at once as far as they have read, and no further after that", async () => {
  const { marker, sent, pass } = startMarker();
  marker.read(position(1));
  marker.read(position(2));
  marker.stop();
  expect(sent.map(({ seq }) => seq)).toEqual([1, 2]);
  marker.read(position(3));
  await pass(10_000);
  expect(sent.map(({ seq }) => seq)).toEqual([1, 2]);
});

test("a page that is closed saves in another way what was not acknowledged, and only that", async () => {
  const { marker, pass } = startMarker();
  const saved: number[] = [];
  const save = async ({ seq }: ReadPosition) => void saved.push(seq);
  marker.saveLast(save);
  marker.read(position(1));
  await pass(0);
  marker.saveLast(save);
  expect(saved).toEqual([]);
  marker.read(position(2));
  marker.saveLast(save);
  expect(saved).toEqual([2]);
});

test("a mark that was not acknowledged is sent again; one that the server refuses permanently is not", async () => {
  const lost = startMarker((call) => (call <= 2 ? new UsherError("disconnected", "cut", { retry: true }) : null));
  lost.marker.read(position(7));
  await lost.pass(10_000);
  expect(lost.sent.map(({ seq }) => seq)).toEqual([7, 7, 7]);

  const refused = startMarker(() => new UsherError("forbidden", "no", { retry: false }));
  refused.marker.read(position(7));
  await refused.pass(10_000);
  expect(refused.sent).toHaveLength(1);
});

test("what is unread after a position is counted where the window has it, and otherwise left to the server", () => {
  const message = (seq: number, more: Partial<Message> = {}) =>
    ({ id: `m${seq}`, seq, user_id: "other", deleted_at: null, ...more }) as Message;
  const messages = [
    message(1),
    message(2, { user_id: "me" }),
    message(3, { deleted_at: "2026-12-01" }),
    message(4),
    message(5),
  ];
  const after = (newer: boolean, seq: number, last_read_seq: number, unread: number) =>
    countUnreadAfter({ messages, hasOlder: true, hasNewer: newer }, seq, { last_read_seq, unread }, "me");
  expect(after(false, 1, 0, 9)).toBe(2);
  expect(after(false, 5, 1, 2)).toBe(0);
  expect(after(false, 4, 5, 0)).toBeNull();

  expect(after(true, 4, 1, 40)).toBe(39);
  expect(after(true, 4, 1, 100)).toBeNull();
  const later = { messages: messages.slice(3), hasOlder: true, hasNewer: true };
  expect(countUnreadAfter(later, 4, { last_read_seq: 1, unread: 40 }, "me")).toBeNull();
});

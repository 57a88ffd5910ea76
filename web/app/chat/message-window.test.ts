import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Frame } from "../../../protocol/frames.ts";
import type { Message } from "../../../protocol/objects.ts";
import type { MessagePage } from "../../../sdk/rest.ts";
import { fromPage, MAX_WINDOW, type MessageWindow, trim, withFrame, withNewer, withOlder } from "./message-window.ts";

function message(seq: number, more: Partial<Message> = {}): Message {
  return {
    id: String(1_000 + seq),
    channel_id: "1",
    seq,
    user_id: "7",
    username: "ada",
    content: `text ${seq}`,
    client_id: null,
    reply_to_id: null,
    created_at: "2026-11-21T12:00:00.000Z",
    edited_at: null,
    deleted_at: null,
    ...more,
  };
}

function page(first: number, last: number, all: number): MessagePage {
  const data = Array.from({ length: last - first + 1 }, (_, n) => message(first + n));
  const prev = first > 1 ? (data[0]?.id ?? null) : null;
  const next = last < all ? (data.at(-1)?.id ?? null) : null;
  return { data, prev, next, head_seq: all, epoch: "e" };
}

function created(seq: number, more: Partial<Message> = {}): Frame {
  const { id, seq: _, ...payload } = message(seq, more);
  return { type: "message:created", room: "channel:1", seq, payload: { message_id: id, ...payload } };
}

const seqs = (window: MessageWindow) => window.messages.map(({ seq }) => seq);

describe("a window on messages", () => {
  test("adds a new message at its end, once", () => {
    const window = fromPage(page(8, 10, 10));
    const after = withFrame(withFrame(window, created(11)), created(11));
    expect(seqs(after)).toEqual([8, 9, 10, 11]);
  });

  test("that does not reach the end leaves new messages out, rather than showing a gap", () => {
    const window = fromPage(page(1, 3, 10));
    expect(seqs(withFrame(window, created(11)))).toEqual([1, 2, 3]);
  });

  test("drops nothing near the visible messages, however far the other end is", () => {
    const window = fromPage(page(51, 350, 1_000));
    const older = withOlder(window, page(1, 50, 1_000), "1350");
    expect(seqs(older).at(-1)).toBe(350);
    expect(seqs(withOlder(window, page(1, 50, 1_000), "1100")).at(-1)).toBe(MAX_WINDOW);
    const newer = withNewer(window, page(351, 400, 1_000), "1051");
    expect(seqs(newer)[0]).toBe(51);
    expect(seqs(withNewer(window, page(351, 400, 1_000), "1350"))[0]).toBe(401 - MAX_WINDOW);
  });

  test("follows edits and deletions of what it shows, and nothing else", () => {
    const window = fromPage(page(1, 3, 3));
    const { message_id, ...rest } = {
      message_id: "1002",
      ...message(2, { content: "changed", edited_at: "2026-11-21T12:01:00.000Z" }),
    };
    const { id: _, seq: __, ...payload } = rest;
    const edited = withFrame(window, {
      type: "message:updated",
      room: "channel:1",
      seq: 4,
      payload: { message_id, ...payload },
    });
    expect(edited.messages[1]).toMatchObject({ id: "1002", seq: 2, content: "changed" });
    const deleted = withFrame(edited, {
      type: "message:deleted",
      room: "channel:1",
      seq: 5,
      payload: { message_id: "1002", channel_id: "1", deleted_at: "2026-11-21T12:02:00.000Z" },
    });
    expect(deleted.messages[1]).toMatchObject({ seq: 2, content: "", deleted_at: "2026-11-21T12:02:00.000Z" });
    const unknown = { message_id: "9", channel_id: "1", deleted_at: "2026-11-21T12:02:00.000Z" };
    expect(withFrame(window, { type: "message:deleted", payload: unknown })).toBe(window);
  });

  test("stays contiguous, ordered and bounded with any paging and any new messages", () => {
    const step = fc.oneof(
      fc.constant("older" as const),
      fc.constant("newer" as const),
      fc.constant("arrives" as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 600 }), (steps, length) => {
        let all = length;
        let window = fromPage(page(Math.max(1, all - 49), all, all));
        for (const what of steps) {
          const first = window.messages[0]?.seq ?? 1;
          const last = window.messages.at(-1)?.seq ?? 0;
          if (what === "older" && window.hasOlder)
            window = withOlder(window, page(Math.max(1, first - 50), first - 1, all));
          if (what === "newer" && window.hasNewer)
            window = withNewer(window, page(last + 1, Math.min(all, last + 50), all));
          if (what === "arrives") {
            all += 1;
            window = trim(withFrame(window, created(all)));
          }
          const shown = seqs(window);
          expect(shown).toEqual(shown.map((_, n) => (shown[0] ?? 0) + n));
          expect(shown.length).toBeLessThanOrEqual(MAX_WINDOW);
          expect(window.hasOlder).toBe((shown[0] ?? 1) > 1);
          if (!window.hasNewer) expect(shown.at(-1)).toBe(all);
        }
      }),
    );
  });
});

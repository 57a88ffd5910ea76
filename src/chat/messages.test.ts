import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { MessagePayload } from "../../protocol/frames.ts";
import { type Message, Message as MessageSchema } from "../../protocol/objects.ts";
import { type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import { errorCode } from "../../tests/support/error-code.ts";
import { raceOnLockedRow } from "../../tests/support/race-on-locked-row.ts";
import { chooseSeed } from "../../tests/support/seeded.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { PageQuery } from "./keyset-page.ts";
import { LIMITS } from "./limits.ts";

let node: ChatNode;
let ann: UserCaller;
let bob: UserCaller;

beforeAll(async () => {
  node = await startChatNode();
  ann = await node.person("ann");
  bob = await node.person("bob");
});
afterAll(() => node.stop());

async function createSharedChannel(): Promise<string> {
  return (await node.channels.create(ann, { type: "private", name: "x", member_ids: [bob.userId] })).channel.id;
}

async function post(channel_id: string, content: string): Promise<Message> {
  return (await node.sendMessage(bob, { channel_id, content })).message;
}

test("after an edit no entry of the log has the old text", async () => {
  const channel_id = await createSharedChannel();
  const { id, seq } = await post(channel_id, "first secret");
  await post(channel_id, "between");
  const second = await node.messages.edit(bob, id, "second secret");
  expect(second.seq).toBe(seq);
  expect(MessageSchema.parse(second).edited_at).not.toBeNull();
  const third = await node.messages.edit(bob, id, "third");
  const log = await node.log(`channel:${channel_id}`);
  expect(log.map((entry) => entry.seq)).toEqual(log.map((_, i) => i + 1));
  const about = log.filter(({ payload }) => JSON.parse(payload).message_id === id);
  expect(about.map(({ type }) => type)).toEqual(["message:created", "message:updated", "message:updated"]);
  for (const { payload } of about) {
    expect(MessagePayload.parse(JSON.parse(payload))).toMatchObject({ content: "third", edited_at: third.edited_at });
  }
  expect(JSON.stringify(log)).not.toContain("secret");
});

test("after a deletion the text is nowhere, the seq stays, and a second deletion is no error", async () => {
  const channel_id = await createSharedChannel();
  const { id, seq } = await post(channel_id, "a secret");
  await node.messages.edit(bob, id, "another secret");
  await node.messages.delete(bob, id);
  await node.messages.delete(ann, id);
  const log = await node.log(`channel:${channel_id}`);
  expect(JSON.stringify(log)).not.toContain("secret");
  expect(log.slice(-3).map(({ type }) => type)).toEqual(["message:created", "message:updated", "message:deleted"]);
  const message = await node.messages.get(ann, id);
  expect(message).toMatchObject({ id, seq, content: "", deleted_at: expect.any(String) });
  expect(JSON.parse(log.at(-1)!.payload)).toEqual({
    message_id: id,
    channel_id,
    deleted_at: message.deleted_at,
    message_seq: seq,
    author_id: bob.userId,
  });
  expect(await errorCode(node.messages.edit(bob, id, "again"))).toBe("conflict");
  expect((await node.messages.page(ann, channel_id, { limit: 5 })).data).toEqual([message]);
});

test("racing edits and deletions leave the same state in the table and in the log", async () => {
  const channel_id = await createSharedChannel();
  for (let round = 0; round < 10; round++) {
    const { id } = await post(channel_id, "start");
    await Promise.all([
      ...Array.from({ length: 6 }, (_, i) => errorCode(node.messages.edit(bob, id, `edit ${i}`))),
      errorCode(node.messages.delete(ann, id)),
      post(channel_id, "meanwhile"),
    ]);
    expect((await node.messages.get(ann, id)).deleted_at).not.toBeNull();
    const log = await node.log(`channel:${channel_id}`);
    expect(log.map((entry) => entry.seq)).toEqual(log.map((_, i) => i + 1));
    const texts = log.map(({ payload }) => JSON.parse(payload)).filter((payload) => payload.message_id === id);
    expect(new Set(texts.map(({ content }) => content ?? ""))).toEqual(new Set([""]));
  }
});

test("an edit or a deletion that waits for the room changes nothing when its caller loses the membership meanwhile", async () => {
  for (const change of [
    (id: string) => node.messages.edit(bob, id, "too late"),
    (id: string) => node.messages.delete(bob, id),
  ]) {
    const channel_id = await createSharedChannel();
    const { id } = await post(channel_id, "as it was");
    const [code] = await raceOnLockedRow(
      node.sql,
      { table: "rooms", id: channel_id },
      () => [errorCode(change(id))],
      (tx) => tx`DELETE FROM members WHERE channel_id = ${channel_id} AND user_id = ${bob.userId}`,
    );
    expect(code).toBe("not_found");
    expect((await node.messages.get(ann, id)).content).toBe("as it was");
  }
});

test("an edit that changes nothing is no entry, and the number of edits is limited", async () => {
  const channel_id = await createSharedChannel();
  const sent = await post(channel_id, "same");
  expect(await node.messages.edit(bob, sent.id, "same")).toEqual(sent);
  for (let i = 0; i < LIMITS.edits; i++) await node.messages.edit(bob, sent.id, `edit ${i}`);
  expect(await errorCode(node.messages.edit(bob, sent.id, "one more"))).toBe("conflict");
});

test("pages before, after and around cover every message once, at any size and cursor", async () => {
  const channel_id = await createSharedChannel();
  const sent = await Promise.all(Array.from({ length: 57 }, (_, i) => post(channel_id, `m${i}`)));
  await node.messages.delete(bob, sent[20]!.id);
  const ids = sent.map(({ id }) => id);
  const page = (query: PageQuery) => node.messages.page(ann, channel_id, query);

  async function walk(limit: number, from: string | null, direction: "before" | "after"): Promise<string[]> {
    const seen: string[] = [];
    for (let cursor = from; cursor !== null; ) {
      const { data, prev, next } = await page({ limit, [direction]: cursor });
      const part = data.map(({ id }) => id);
      expect(part.length).toBeLessThanOrEqual(limit);
      if (direction === "before") seen.unshift(...part);
      else seen.push(...part);
      cursor = direction === "before" ? prev : next;
    }
    return seen;
  }

  const whole = async (limit: number, around: number | null) => {
    const start = await page(around === null ? { limit } : { limit, around: ids[around]! });
    const older = await walk(limit, start.prev, "before");
    const newer = await walk(limit, start.next, "after");
    return [...older, ...start.data.map(({ id }) => id), ...newer];
  };

  const seed = chooseSeed("paging");
  const cursor = fc.option(fc.integer({ min: 0, max: ids.length - 1 }));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 60 }), cursor, async (limit, around) => {
      expect(await whole(limit, around)).toEqual(ids);
    }),
    { seed, numRuns: 40 },
  );

  const middle = await page({ limit: 5, around: ids[30]! });
  expect(middle.data.map(({ id }) => id)).toEqual(ids.slice(28, 33));
  expect(await errorCode(page({ limit: 5, around: "1" }))).toBe("anchor_not_found");
  expect(await errorCode(page({ limit: 5, around: ids[1], before: ids[2] }))).toBe("invalid");
});

test("a page has the head of the log of the same statement: page and stream leave no gap", async () => {
  const channel_id = await createSharedChannel();
  let done = false;
  const posting = (async () => {
    for (let i = 0; i < 150; i++) await post(channel_id, `m${i}`);
    done = true;
  })();
  while (!done) {
    const { data, head_seq, epoch } = await node.messages.page(ann, channel_id, { limit: 100 });
    expect(epoch).toBe("epoch");
    // Two people joined before the first message.
    expect(data.at(-1)?.seq ?? 2).toBe(head_seq);
  }
  await posting;
});

test("replies to a message are listed in order, page by page", async () => {
  const channel_id = await createSharedChannel();
  const { id } = await post(channel_id, "question");
  await post(channel_id, "no reply");
  const replies: string[] = [];
  for (let i = 0; i < 5; i++) {
    const input = { channel_id, content: `reply ${i}`, reply_to_id: id };
    replies.push((await node.sendMessage(ann, input)).message.id);
  }
  const first = await node.messages.replies(bob, id, { limit: 3 });
  const second = await node.messages.replies(bob, id, { limit: 3, after: first.next! });
  expect([...first.data, ...second.data].map((message) => message.id)).toEqual(replies);
  expect([first.prev, second.next]).toEqual([null, null]);
});

test("no item is skipped by cursors: an empty page has none, which would exclude its neighbour", async () => {
  const channel_id = await createSharedChannel();
  const sent = [await post(channel_id, "first"), await post(channel_id, "last")];
  const reply = (await node.sendMessage(ann, { channel_id, content: "reply", reply_to_id: sent[0]!.id })).message;
  const all = [...sent, reply];
  const lists = [
    (query: PageQuery) => node.messages.page(bob, channel_id, query),
    (query: PageQuery) => node.messages.replies(bob, sent[0]!.id, query),
  ];
  for (const list of lists) {
    const after = await list({ limit: 5, after: reply.id });
    const before = await list({ limit: 5, before: sent[0]!.id });
    for (const { data, prev, next } of [after, before])
      expect({ data, prev, next }).toEqual({ data: [], prev: null, next: null });
  }
  const last = await lists[0]!({ limit: 1, after: sent[1]!.id });
  expect([last.prev, last.next]).toEqual([reply.id, null]);
  expect((await lists[0]!({ limit: 5, before: last.prev! })).data.map(({ id }) => id)).toEqual(
    all.slice(0, 2).map(({ id }) => id),
  );
});

import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { Message } from "../../protocol/objects.ts";
import { type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import { errorCode } from "../../tests/support/error-code.ts";
import { chooseSeed } from "../../tests/support/seeded.ts";
import type { UserCaller } from "../platform/caller.ts";

let node: ChatNode;
let people: UserCaller[];

beforeAll(async () => {
  node = await startChatNode();
  people = [await node.person("ann"), await node.person("bob"), await node.person("cid")];
});
afterAll(() => node.stop());

async function createSharedChannel(): Promise<string> {
  const [ann, ...others] = people;
  const member_ids = others.map(({ userId }) => userId);
  return (await node.channels.create(ann!, { type: "private", name: "x", member_ids })).channel.id;
}

const act = fc.oneof(
  fc.record({ do: fc.constant("send" as const), who: fc.nat(2) }),
  fc.record({ do: fc.constant("delete" as const), which: fc.nat(40) }),
  fc.record({ do: fc.constant("edit" as const), which: fc.nat(40) }),
  fc.record({ do: fc.constant("mark" as const), who: fc.nat(2), which: fc.nat(40) }),
);

test("unread counts are what counting by hand gives, after any history", async () => {
  const seed = chooseSeed("unread counts");
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 40, size: "max" }), async (acts) => {
      const channel_id = await createSharedChannel();
      const sent: { id: string; who: number; deleted: boolean }[] = [];
      const marks = [-1, -1, -1];
      const unread = (who: number) => sent.filter((m, i) => i > marks[who]! && !m.deleted && m.who !== who).length;
      for (const step of acts) {
        if (step.do === "send") {
          const { message } = await node.sendMessage(people[step.who]!, { channel_id, content: "text" });
          sent.push({ id: message.id, who: step.who, deleted: false });
          continue;
        }
        const message = sent[step.which];
        if (message === undefined) continue;
        if (step.do === "delete") {
          await node.messages.delete(people[message.who]!, message.id);
          message.deleted = true;
        } else if (step.do === "edit") {
          await errorCode(node.messages.edit(people[message.who]!, message.id, "other text"));
        } else {
          marks[step.who] = Math.max(marks[step.who]!, step.which);
          const marked = await node.readMarks.mark(people[step.who]!, channel_id, message.id);
          expect(marked).toMatchObject({ last_read_id: sent[marks[step.who]!]!.id, unread: unread(step.who) });
        }
      }
      for (const [who, me] of people.entries()) {
        const { channels, total } = await node.readMarks.counts(me);
        const count = channels.find((c) => c.channel_id === channel_id)?.unread ?? 0;
        expect(count).toBe(unread(who));
        expect((await node.channels.get(me, channel_id)).unread).toBe(count);
        expect(total).toBe(channels.reduce((sum, c) => sum + c.unread, 0));
      }
    }),
    { seed, numRuns: 30 },
  );
});

test("a mark never moves back, however marks of several devices race, and the user's own devices get each move", async () => {
  const channel_id = await createSharedChannel();
  const [ann, bob] = people as [UserCaller, UserCaller];
  const sent: Message[] = [];
  for (let i = 0; i < 30; i++) sent.push((await node.sendMessage(ann, { channel_id, content: `${i}` })).message);
  const newest = sent.at(-1)!;
  node.hubCalls.length = 0;
  const shuffled = sent.map((_, i) => sent[(i * 7) % sent.length]!);
  const results = await Promise.all(shuffled.map(({ id }) => node.readMarks.mark(bob, channel_id, id)));
  expect((await node.readMarks.mark(bob, channel_id, sent[0]!.id)).last_read_id).toBe(newest.id);
  expect(results.every(({ last_read_seq }, i) => last_read_seq >= shuffled[i]!.seq)).toBe(true);
  expect(node.hubCalls.at(-1)).toEqual({
    kind: "ephemeral",
    room: `user:${bob.userId}`,
    type: "read:marked",
    payload: { channel_id, last_read_id: newest.id, last_read_seq: newest.seq, unread: 0, last_seq: newest.seq },
    except: undefined,
  });
});

test("a mark is a message of its channel: nothing else can be marked, and nothing moves", async () => {
  const [channel_id, other] = [await createSharedChannel(), await createSharedChannel()];
  const [ann, bob] = people as [UserCaller, UserCaller];
  const elsewhere = (await node.sendMessage(ann, { channel_id: other, content: "elsewhere" })).message.id;
  await node.sendMessage(ann, { channel_id, content: "here" });
  for (const id of ["9223372036854775807", "1", elsewhere]) {
    expect(await errorCode(node.readMarks.mark(bob, channel_id, id))).toBe("invalid");
  }
  expect(await node.channels.get(bob, channel_id)).toMatchObject({ last_read_id: null, last_read_seq: 0, unread: 1 });
});

test("a count ends at 100", async () => {
  const channel_id = await createSharedChannel();
  const [ann, bob] = people as [UserCaller, UserCaller];
  await Promise.all(Array.from({ length: 120 }, (_, i) => node.sendMessage(ann, { channel_id, content: `${i}` })));
  expect((await node.channels.get(bob, channel_id)).unread).toBe(100);
  expect((await node.channels.get(ann, channel_id)).unread).toBe(0);
});

test("a count reads only the newest 10,000 messages after the mark, however many are one's own or deleted", async () => {
  const channel_id = await createSharedChannel();
  const [ann, bob] = people as [UserCaller, UserCaller];
  const first = (await node.sendMessage(ann, { channel_id, content: "at the mark" })).message;
  await node.readMarks.mark(bob, channel_id, first.id);
  const { id, seq } = (await node.sendMessage(ann, { channel_id, content: "the oldest" })).message;
  const fill = (from: number, to: number) => node.sql`
    INSERT INTO messages (id, channel_id, seq, author_id, content, created_at, deleted_at)
    SELECT ${id}::bigint + g, ${channel_id}, ${seq}::bigint + g, CASE WHEN g % 2 = 0 THEN ${bob.userId} ELSE ${ann.userId} END,
      '', now(), CASE WHEN g % 2 = 0 THEN NULL ELSE now() END
    FROM generate_series(${from}::int, ${to}::int) g`;
  const moveHead = (head: number) => node.sql`UPDATE rooms SET head = ${head} WHERE id = ${channel_id}`;
  await fill(1, 9_999);
  expect((await node.channels.get(bob, channel_id)).unread).toBe(1);
  await fill(10_000, 10_000);
  expect((await node.channels.get(bob, channel_id)).unread).toBe(0);
  await moveHead(seq + 10_000);
  await node.sendMessage(ann, { channel_id, content: "the newest" });
  expect((await node.channels.get(bob, channel_id)).unread).toBe(1);
});

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import { errorCode } from "../../tests/support/error-code.ts";
import { raceOnLockedRow } from "../../tests/support/race-on-locked-row.ts";
import { chooseSeed, seeded } from "../../tests/support/seeded.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";
import type { UserCaller } from "../platform/caller.ts";
import { createSendMessage } from "./posting.ts";

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
  const { channel } = await node.channels.create(ann, { type: "private", name: "both", member_ids: [bob.userId] });
  return channel.id;
}

test("a post is a message and a log entry with the same content", async () => {
  const channel_id = await createSharedChannel();
  const content = 'it\'s "quoted", \\ and 😀 \ud800 half a pair';
  const { message, created } = await node.sendMessage(bob, { channel_id, content, client_id: "c1" });
  expect(created).toBe(true);
  expect(message.content).toBe('it\'s "quoted", \\ and 😀 \ufffd half a pair');
  expect(await node.messages.get(ann, message.id)).toEqual(message);
  const entry = (await node.log(`channel:${channel_id}`)).at(-1)!;
  const { id, seq, ...rest } = message;
  expect(entry).toMatchObject({ seq, type: "message:created" });
  expect(JSON.parse(entry.payload)).toEqual({ message_id: id, ...rest });
  expect(node.published).toContainEqual(entry);
});

test("posts of one author keep their order, with dense numbers", async () => {
  const channel_id = await createSharedChannel();
  const texts = Array.from({ length: 300 }, (_, i) => `text ${i}`);
  const sent = await Promise.all(texts.map((content) => node.sendMessage(ann, { channel_id, content })));
  const seqs = sent.map(({ message }) => message.seq);
  expect(seqs).toEqual(seqs.map((_, i) => seqs[0]! + i));
  const log = await node.log(`channel:${channel_id}`);
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => i + 1));
  expect(log.slice(-300).map(({ payload }) => JSON.parse(payload).content)).toEqual(texts);
});

test("the same client_id sent 20 times at once is one message and one log row", async () => {
  const channel_id = await createSharedChannel();
  const other = createSendMessage(node.deps); // a second node's batcher
  const before = (await node.log(`channel:${channel_id}`)).length;
  const sent = await Promise.all(
    Array.from({ length: 20 }, (_, i) => {
      const send = i % 2 ? other : node.sendMessage;
      return send(ann, { channel_id, content: "once", client_id: "same" });
    }),
  );
  expect(new Set(sent.map(({ message }) => message.id)).size).toBe(1);
  expect(sent.filter(({ created }) => created)).toHaveLength(1);
  expect(await node.log(`channel:${channel_id}`)).toHaveLength(before + 1);
  const [rows] = await node.sql`SELECT count(*)::int AS n FROM messages WHERE channel_id = ${channel_id}`;
  expect(rows).toEqual({ n: 1 });
  // The key is the author's in this channel: another person or channel may use the same.
  expect((await node.sendMessage(bob, { channel_id, content: "mine", client_id: "same" })).created).toBe(true);
  const elsewhere = await createSharedChannel();
  expect((await node.sendMessage(ann, { channel_id: elsewhere, content: "x", client_id: "same" })).created).toBe(true);
});

test("a row that PostgreSQL refuses fails alone, and the others keep their order", async () => {
  const channel_id = await createSharedChannel();
  const sent = await Promise.allSettled(
    Array.from({ length: 50 }, (_, i) =>
      node.sendMessage(ann, { channel_id, content: i === 23 ? "a NUL: \0" : `text ${i}` }),
    ),
  );
  expect(sent.flatMap(({ status }, i) => (status === "rejected" ? [i] : []))).toEqual([23]);
  const texts = (await node.messages.page(ann, channel_id, { limit: 100 })).data.map(({ content }) => content);
  expect(texts).toEqual(Array.from({ length: 50 }, (_, i) => `text ${i}`).filter((_, i) => i !== 23));
});

test("a reply must be to a message of the same channel that is not deleted", async () => {
  const channel_id = await createSharedChannel();
  const elsewhere = await createSharedChannel();
  const sent = (await node.sendMessage(ann, { channel_id, content: "question" })).message;
  const send = (channel: string, reply_to_id: string, client_id?: string) =>
    node.sendMessage(bob, { channel_id: channel, content: "reply", reply_to_id, client_id });
  expect((await send(channel_id, sent.id)).message.reply_to_id).toBe(sent.id);
  expect(await errorCode(send(elsewhere, sent.id))).toBe("invalid");
  expect(await errorCode(send(channel_id, "1"))).toBe("invalid");
  expect(await Promise.all([1, 2].map(() => errorCode(send(channel_id, "1", "k"))))).toEqual(["invalid", "invalid"]);
  await node.messages.delete(ann, sent.id);
  expect(await errorCode(send(channel_id, sent.id))).toBe("invalid");
});

/** Removes Bob in a transaction that waits for `commit` while it has the room locked, as a removal does at its end. */
async function removeSlowly(channelId: string) {
  const holds = Promise.withResolvers<void>();
  const commit = Promise.withResolvers<void>();
  const done = node.sql.begin(async (tx) => {
    await tx`DELETE FROM members WHERE channel_id = ${channelId} AND user_id = ${bob.userId}`;
    const payload = JSON.stringify({ channel_id: channelId, user_id: bob.userId });
    await tx`SELECT * FROM log_append(${[`channel:${channelId}`]}::text[], ${[channelId]}::bigint[],
      ${["member:left"]}::text[], ${[payload]}::text[], ${[null]}::text[])`;
    holds.resolve();
    await commit.promise;
  });
  await holds.promise;
  return {
    async commit(): Promise<void> {
      commit.resolve();
      await done;
    },
  };
}

async function isLockAwaited(): Promise<boolean> {
  const rows = await node.sql`
    SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return rows.length > 0;
}

test("a post that waits for a removal is refused; the one-statement variant would accept it", async () => {
  const channel_id = await createSharedChannel();
  const removal = await removeSlowly(channel_id);
  const post = errorCode(node.sendMessage(bob, { channel_id, content: "too late" }));
  await waitUntil("the post waits for the removal", isLockAwaited);
  await removal.commit();
  expect(await post).toBe("not_found");
  expect((await node.log(`channel:${channel_id}`)).map(({ type }) => type).at(-1)).toBe("member:left");

  // The planted fault: lock and check in one statement, whose snapshot is older than the lock it waits for.
  const other = await createSharedChannel();
  const removal2 = await removeSlowly(other);
  const breach = Promise.resolve(node.sql`
    WITH room AS (SELECT id FROM rooms WHERE id = ${other} FOR NO KEY UPDATE),
      allowed AS (SELECT 1 FROM room JOIN members m ON m.channel_id = room.id AND m.user_id = ${bob.userId})
    SELECT count(*)::int AS let_in FROM allowed`);
  await waitUntil("the faulty post waits for the removal", isLockAwaited);
  await removal2.commit();
  expect([...(await breach)]).toEqual([{ let_in: 1 }]);
});

test("no post of a removed person has a seq after their removal, whatever the timing", async () => {
  const random = seeded(chooseSeed("removal and posts"));
  for (let round = 0; round < 20; round++) {
    const channel_id = await createSharedChannel();
    const posts = Array.from({ length: 40 }, async (_, i) => {
      await Bun.sleep(random.int(0, 8));
      return errorCode(node.sendMessage(bob, { channel_id, content: `${i}` }));
    });
    await Bun.sleep(random.int(0, 8));
    await node.members.remove(ann, channel_id, bob.userId);
    const codes = await Promise.all(posts);
    const log = await node.log(`channel:${channel_id}`);
    const left = log.findIndex(({ type }) => type === "member:left");
    expect(log.slice(left + 1)).toEqual([]);
    expect(codes.filter((code) => code === "ok")).toHaveLength(left - 2); // after two member:joined
  }
});

test("a channel whose room is locked delays only its own posts, then and while it stays locked", async () => {
  const locked = await createSharedChannel();
  const free = await createSharedChannel();
  const release = Promise.withResolvers<void>();
  const holds = Promise.withResolvers<void>();
  const holder = node.sql.begin(async (tx) => {
    await tx`SELECT FROM rooms WHERE id = ${locked} FOR UPDATE`;
    holds.resolve();
    await release.promise;
  });
  await holds.promise;
  const ended: string[] = [];
  const post = async (channel_id: string, content: string) => {
    const code = await errorCode(node.sendMessage(ann, { channel_id, content }));
    ended.push(`${channel_id === locked ? "locked" : "free"} ${content}: ${code}`);
  };
  const first = [post(locked, "1"), post(free, "1"), post(locked, "2"), post(free, "2")];
  await Promise.all([first[1], first[3]]);
  const second = [post(locked, "3"), post(free, "3")];
  await second[1];
  expect(ended).toEqual(["free 1: ok", "free 2: ok", "free 3: ok"]);
  await Promise.all([...first, ...second]);
  expect(ended.slice(3)).toEqual(["locked 1: unavailable", "locked 2: unavailable", "locked 3: unavailable"]);
  release.resolve();
  await holder;
  await post(locked, "4");
  expect(ended.at(-1)).toBe("locked 4: ok");
  const texts = (await node.messages.page(ann, free, { limit: 10 })).data.map(({ content }) => content);
  expect(texts).toEqual(["1", "2", "3"]);
});

test("a channel that is being deleted accepts no post after its end", async () => {
  const channel_id = await createSharedChannel();
  const posts = Array.from({ length: 50 }, async (_, i) => {
    await Bun.sleep(i % 6);
    return errorCode(node.sendMessage(bob, { channel_id, content: `${i}` }));
  });
  await Bun.sleep(2);
  await node.channels.delete(ann, channel_id);
  expect(new Set(["ok", "not_found", ...(await Promise.all(posts))]).size).toBe(2);
  expect((await node.log(`channel:${channel_id}`)).at(-1)!.type).toBe("channel:deleted");
});

test("the command returns when the post is durable, and accepts the next one as soon as it is queued", async () => {
  const channel_id = await createSharedChannel();
  let accepted = false;
  const result = node.commands.get("message:send")!({
    caller: ann,
    payload: { channel_id, content: "hi", client_id: "f1" },
    accepted: () => {
      accepted = true;
    },
  });
  expect(accepted).toBe(true);
  const ack = await result;
  const [message] = (await node.messages.page(ann, channel_id, { limit: 1 })).data;
  const { id, seq, created_at } = message!;
  expect(ack).toEqual({ message_id: id, channel_id, seq, client_id: "f1", created_at });
});

test("a batch that conflicts with another node's batch waits for it, and is still written in one transaction", async () => {
  const ids = await Promise.all(Array.from({ length: 5 }, createSharedChannel));
  const [row] = await node.sql<{ id: string }[]>`SELECT min(id) AS id FROM rooms WHERE id = ANY (${ids}::bigint[])`;
  // On a very busy machine the row is unlocked too late for the batch: then it is split, as it should be.
  for (let tries = 20; ; tries--) {
    const sent = await raceOnLockedRow(node.sql, { table: "rooms", id: row!.id }, () => [
      Promise.all(ids.map((channel_id) => node.sendMessage(ann, { channel_id, content: "text" }))),
    ]);
    const messages = sent.flat().map(({ message }) => message.id);
    const written = await node.sql<{ n: number }[]>`
      SELECT count(DISTINCT xmin::text)::int AS n FROM messages WHERE id = ANY (${messages}::bigint[])`;
    if (tries > 1 && written[0]!.n > 1) continue;
    expect([messages.length, written[0]!.n]).toEqual([5, 1]);
    return;
  }
});

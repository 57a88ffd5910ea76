import { afterAll, beforeAll, expect, test } from "bun:test";
import { addHub, type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { LogEntry } from "../platform/log/entry.ts";

let node: ChatNode;
let ann: UserCaller;
let bob: UserCaller;

beforeAll(async () => {
  node = await startChatNode();
  [ann, bob] = [await node.person("ann"), await node.person("bob")];
});
afterAll(() => node.stop());

/** A channel with Ann and Bob in it, both connected; a message, then Bob's removal, and a message after it. */
async function recordRemoval(hub: ReturnType<typeof addHub>) {
  const { channel } = await node.channels.create(ann, { type: "private", name: "x", member_ids: [bob.userId] });
  const room = `channel:${channel.id}`;
  const clients = [hub.connect(ann), hub.connect(bob)];
  for (const client of clients) client.send({ type: "room:join", id: 1, payload: { room } });
  await waitUntil("both are in", () =>
    clients.every(({ frames }) => frames.some(({ type }) => type === "room:joined")),
  );
  const send = (content: string) => node.sendMessage(ann, { channel_id: channel.id, content });
  await send("before");
  await node.members.remove(ann, channel.id, bob.userId);
  await send("after");
  const entries = (await node.log(room)).slice(2);
  expect(entries.map(({ type }) => type)).toEqual(["message:created", "member:left", "message:created"]);
  return { room, entries, ann: clients[0]!, bob: clients[1]! };
}

const EXPECTED = ["message:created", "member:left", "room:left"];

const ORDERS: Record<string, (entries: LogEntry[]) => LogEntry[][]> = {
  "in order": ([a, b, c]) => [[a!], [b!], [c!]],
  "all at once, as the log tail delivers them before the commit returns": (entries) => [entries],
  "the post after the removal first": ([a, b, c]) => [[a!], [c!], [b!]],
  backwards: ([a, b, c]) => [[c!], [b!], [a!]],
};

for (const [order, arrange] of Object.entries(ORDERS)) {
  test(`JN-8 a removed person receives nothing after their removal, entries arriving ${order}`, async () => {
    const live = addHub(node);
    const { room, entries, ann: annClient, bob: bobClient } = await recordRemoval(live);
    for (const batch of arrange(entries)) live.hub.publish(batch);
    await waitUntil("Ann has all three", () => annClient.frames.filter((frame) => frame.room === room).length === 3);
    const seen = bobClient.frames.filter(({ type }) => type !== "system:connected" && type !== "room:joined");
    expect(seen.map(({ type }) => type)).toEqual(EXPECTED as never);
    bobClient.send({ type: "room:join", id: 2, payload: { room, since: 1, epoch: node.epoch.current() } });
    await waitUntil("Bob has a reply", () => bobClient.frames.some(({ id }) => id === 2));
    expect(bobClient.frames.at(-1)).toMatchObject({ type: "system:error", payload: { code: "NOT_FOUND" } });
    await live.hub.stop();
  });
}

test("JN-8 without the policy's check of entries they would receive more: the test can fail", async () => {
  const live = addHub(node, { ...node.policy, findExpelled: undefined });
  const { entries, bob: bobClient } = await recordRemoval(live);
  live.hub.publish(entries);
  expect(bobClient.frames.slice(-2).map(({ type }) => type)).toEqual(["member:left", "message:created"]);
  await live.hub.stop();
});

test("JN-8 when a channel is deleted all members are out of its room, and receive nothing that is sent there afterwards", async () => {
  const live = addHub(node);
  const { channel } = await node.channels.create(ann, { type: "private", name: "y", member_ids: [bob.userId] });
  const room = `channel:${channel.id}`;
  const clients = [live.connect(ann), live.connect(bob)];
  for (const client of clients) client.send({ type: "room:join", id: 1, payload: { room } });
  await waitUntil("both are in", () => clients.every(({ frames }) => frames.some(({ id }) => id === 1)));
  await node.channels.delete(ann, channel.id);
  await node.deps.transaction({ actor: "service" }, async (tx) => tx.log(room, "seat:sold" as never, {} as never));
  const [deleted, after] = (await node.log(room)).slice(-2);
  expect([deleted?.type, after?.type]).toEqual(["channel:deleted", "seat:sold" as never]);
  live.hub.publish([after!]);
  live.hub.publish([deleted!]);
  live.hub.publishEphemeral(room, "typing:stopped", { channel_id: channel.id, user_id: ann.userId });
  for (const { frames } of clients)
    expect(frames.slice(2).map(({ type }) => type)).toEqual(["channel:deleted", "room:left"]);
  await live.hub.stop();
});

test("JN-8 an erased person is out of the rooms of their channels, and receives nothing that is sent there afterwards", async () => {
  const live = addHub(node);
  const gone = await node.person("gone");
  const { channel } = await node.channels.create(ann, { type: "private", name: "z", member_ids: [gone.userId] });
  const room = `channel:${channel.id}`;
  const client = live.connect(gone);
  client.send({ type: "room:join", id: 1, payload: { room } });
  await waitUntil("they are in", () => client.frames.some(({ id }) => id === 1));
  await node.erase(gone.userId);
  await node.sendMessage(ann, { channel_id: channel.id, content: "afterwards" });
  live.hub.publish((await node.log(room)).filter(({ seq }) => seq > 1));
  expect(client.frames.slice(2).map(({ type }) => type)).toEqual(["member:left", "room:left"]);
  await live.hub.stop();
});

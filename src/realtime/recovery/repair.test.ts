import { afterAll, beforeAll, expect, test } from "bun:test";
import { type HubNode, mintToken, startHubNode } from "../../../tests/support/hub-node.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { openClient } from "../../../tests/support/ws-client.ts";
import type { LogEntry } from "../../platform/log/entry.ts";

let node: HubNode;
beforeAll(async () => {
  node = await startHubNode();
});
afterAll(() => node.stop());

let rooms = 0;
const newRoom = () => `event:${++rooms}`;

/** Commits to a room without publishing to the hub; returns the entries. */
async function commitUnpublished(room: string, ...texts: string[]): Promise<LogEntry[]> {
  const push = node.published.push;
  const entries: LogEntry[] = [];
  node.published.push = (...published) => entries.push(...published);
  await node.say(room, ...texts);
  node.published.push = push;
  return entries;
}

test("OR-3 an entry that was not published is found by its head", async () => {
  const room = newRoom();
  const client = await openClient(node.port);
  await client.request("room:join", { room });
  await commitUnpublished(room, "unpublished");
  await node.hub.compareHeads();
  expect((await client.next("message:created")).payload).toEqual({ content: "unpublished" });
});

test("OR-4 a room that waits for a missing frame blocks no other", async () => {
  const [gapped, whole] = [newRoom(), newRoom()];
  const client = await openClient(node.port);
  for (const room of [gapped, whole]) await client.request("room:join", { room });
  const [, second] = await commitUnpublished(gapped, "one", "two");
  const [only] = await commitUnpublished(whole, "one");
  node.hub.publish([second!, only!]);
  await client.next("message:created", ({ room, seq }) => room === gapped && seq === 2);
  const published = client.frames.flatMap(({ room, seq }) => (seq === undefined ? [] : [`${room} ${seq}`]));
  expect(published).toEqual([`${whole} 1`, `${gapped} 1`, `${gapped} 2`]);
});

test("RC-6 when the server itself cannot fill a gap, the members are told to reload the room", async () => {
  const room = newRoom();
  const client = await openClient(node.port);
  await client.request("room:join", { room });
  await commitUnpublished(room, ...Array.from({ length: 1_100 }, (_, i) => `text ${i + 1}`));
  await node.say(room, "after the gap");
  const rejoined = await client.next("room:joined", ({ payload }) => payload.seq !== 0);
  expect(rejoined.payload).toMatchObject({ room, recovered: false });
  await node.say(room, "live again");
  await client.next("message:created", ({ payload }) => payload.content === "live again");
  const after = client.frames.slice(client.frames.indexOf(rejoined) + 1).flatMap(({ seq }) => seq ?? []);
  const from = Number(rejoined.payload.seq) + 1;
  expect(after).toEqual(Array.from({ length: after.length }, (_, i) => from + i));
  expect(after.at(-1)).toBe(1_102);
});

test("OR-3 a log that cannot be read is read again until it works", async () => {
  const room = newRoom();
  const client = await openClient(node.port);
  await client.request("room:join", { room });
  const [, second] = await commitUnpublished(room, "one", "two");
  await node.sql`ALTER TABLE rooms RENAME TO rooms_away`;
  node.hub.publish([second!]);
  await waitUntil("a read has failed", () => node.logged.some((line) => line.includes("could not be read")));
  await node.sql`ALTER TABLE rooms_away RENAME TO rooms`;
  await client.next("message:created", ({ seq }) => seq === 2);
  expect(client.frames.flatMap(({ seq }) => seq ?? [])).toEqual([1, 2]);
});

test("OR-3 an entry that the log does not have is not waited for", async () => {
  const room = newRoom();
  const client = await openClient(node.port);
  await client.request("room:join", { room });
  node.hub.publish([{ room, seq: 3, type: "message:created", payload: '{"content":"invented"}' }]);
  await waitUntil("it is noticed", () => node.logged.some((line) => line.includes("does not have")));
  await node.say(room, "one", "two", "three");
  await client.next("message:created", ({ payload }) => payload.content === "three");
  expect(client.frames.flatMap(({ seq, payload }) => (seq === undefined ? [] : [payload.content]))).toEqual([
    "one",
    "two",
    "three",
  ]);
});

test("OR-3 what came into a person's own room while a join of it failed is still published", async () => {
  const [one, other] = await Promise.all(
    [1, 2].map(async () => openClient(node.port, { query: `?token=${await mintToken("eve")}` })),
  );
  const unpublished = await commitUnpublished("user:eve", "for eve");
  await node.sql.begin(async (tx) => {
    await tx`LOCK TABLE rooms`;
    const refused = one!.request("room:join", { room: "user:eve" });
    const reads = () => node.sql<{ pid: number }[]>`
      SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await waitUntil("the join reads", async () => (await reads()).length > 0);
    node.hub.publish(unpublished);
    for (const { pid } of await reads()) await node.sql`SELECT pg_cancel_backend(${pid})`;
    expect((await refused).type).toBe("system:error");
  });
  for (const client of [one!, other!]) expect((await client.next("message:created")).seq).toBe(1);
});

test("JN-3 after a gap that cannot be filled, a person who lost the right in it is removed", async () => {
  const room = `channel:${newRoom().slice(6)}`;
  const clients = [];
  for (const user of ["ann", "eve"]) {
    node.members.add(`${user} ${room}`);
    const client = await openClient(node.port, { query: `?token=${await mintToken(user)}` });
    await client.request("room:join", { room });
    clients.push(client);
  }
  node.members.delete(`eve ${room}`);
  await commitUnpublished(room, "gone: eve", ...Array.from({ length: 1_100 }, (_, i) => `text ${i + 1}`));
  await node.say(room, "after the gap");
  const [ann, eve] = clients;
  expect((await eve!.next("room:left")).payload).toEqual({ room, code: "NOT_FOUND" });
  await ann!.next("room:joined", ({ payload }) => payload.seq !== 0);
  await node.say(room, "live again");
  await ann!.next("message:created", ({ payload }) => payload.content === "live again");
  expect(JSON.stringify(eve!.frames)).not.toContain("live again");
  for (const client of clients) client.close();
});

test("JN-3 a person who loses the right in a skipped gap while joining does not get in", async () => {
  const room = `channel:${newRoom().slice(6)}`;
  for (const user of ["ann", "eve"]) node.members.add(`${user} ${room}`);
  const connect = async (user: string) => openClient(node.port, { query: `?token=${await mintToken(user)}` });
  const [ann, eve] = [await connect("ann"), await connect("eve")];
  await ann.request("room:join", { room });
  const gate = Promise.withResolvers<void>();
  node.policy.gate = gate.promise;
  const { asked } = node.policy;
  const reply = eve.request("room:join", { room });
  await waitUntil("the rights were read", () => node.policy.asked > asked);
  node.members.delete(`eve ${room}`);
  await commitUnpublished(room, "gone: eve", ...Array.from({ length: 1_100 }, (_, i) => `text ${i + 1}`));
  await node.say(room, "after the gap");
  await ann.next("room:joined", ({ payload }) => payload.seq !== 0);
  gate.resolve();
  expect((await reply).payload).toMatchObject({ code: "NOT_FOUND" });
  for (const client of [ann, eve]) client.close();
});

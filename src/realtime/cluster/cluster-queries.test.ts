import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { type Bus, createBus } from "../../../tests/support/broker-bus.ts";
import { type HubNode, mintToken, startHubNode } from "../../../tests/support/hub-node.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { openClient, type WsClient } from "../../../tests/support/ws-client.ts";

let bus: Bus;
let one: HubNode;
let two: HubNode;
const open: WsClient[] = [];

beforeAll(async () => {
  bus = createBus();
  [one, two] = await Promise.all([
    startHubNode({ node: "1", broker: bus.join(1) }),
    startHubNode({ node: "2", broker: bus.join(2) }),
  ]);
});
afterAll(() => Promise.all([one.stop(), two.stop()]));
beforeEach(async () => {
  bus.silent.clear();
  bus.sent.length = 0;
  for (const client of open.splice(0)) client.close();
  await waitUntil(
    "all connections are closed",
    () => one.hub.counts().connections + two.hub.counts().connections === 0,
  );
});

async function come(node: HubNode, person: string | null, ...rooms: string[]): Promise<WsClient> {
  const client = await openClient(node.port, person === null ? {} : { query: `?token=${await mintToken(person)}` });
  open.push(client);
  await client.next("system:connected");
  for (const room of rooms) await client.request("room:join", { room });
  return client;
}

test("the audience of a room has a total and the authenticated", async () => {
  await come(one, "ann", "event:9");
  await come(two, null, "event:9");
  await come(two, null, "event:8");
  expect(await one.hub.cluster.getAudience("event:9")).toEqual({ total: 2, authenticated: 1, partial: false });
  expect(await one.hub.cluster.getAudience("user:ann")).toEqual({ total: 1, authenticated: 1, partial: false });
});

test("connections and members are counted on all nodes, and calls at one time are one request", async () => {
  await come(one, "ann", "event:1");
  await come(two, "ann", "event:1", "event:2");
  await come(two, "bob", "event:1");
  const { cluster } = one.hub;
  const [connections, more, members] = await Promise.all([
    cluster.countConnections(["ann", "absent"]),
    cluster.countConnections(["bob"]),
    cluster.countMembers(["event:1", "event:2", "event:3", "all", "user:ann"]),
  ]);
  expect([...connections.counts]).toEqual([
    ["ann", 2],
    ["absent", 0],
  ]);
  expect([...more.counts]).toEqual([["bob", 1]]);
  expect(Object.fromEntries(members.counts)).toEqual({
    "event:1": 3,
    "event:2": 1,
    "event:3": 0,
    all: 3,
    "user:ann": 2,
  });
  expect([connections.partial, members.partial]).toEqual([false, false]);
  expect(bus.sent.map(({ subject }) => subject).sort()).toEqual(["connections of", "members of"]);
});

test("a silent node is missing from the count, and the result is partial", async () => {
  await come(one, "ann");
  await come(two, "ann");
  bus.silent.add(2);
  expect(await one.hub.cluster.countConnections(["ann"])).toEqual({ counts: new Map([["ann", 1]]), partial: true });
});

test("statistics come by node, with the largest rooms first", async () => {
  await come(one, "ann", "event:1");
  await come(two, null, "event:1");
  await come(two, "bob", "event:1", "event:2");
  await come(two, "cem", "event:2");
  await come(two, "dee", "event:2");
  const { nodes, partial } = await two.hub.cluster.getStats();
  expect(partial).toBe(false);
  expect(
    nodes.map(({ node, connections, authenticated, anonymous }) => [node, connections, authenticated, anonymous]),
  ).toEqual([
    [1, 1, 1, 0],
    [2, 4, 3, 1],
  ]);
  expect(nodes[1]!.rooms).toEqual([
    { name: "event:2", members: 3 },
    { name: "event:1", members: 2 },
  ]);
  expect([nodes[1]!.room_count, nodes[1]!.places.event]).toEqual([2, 5]);
  expect(nodes[0]!.sent).toBeGreaterThan(1);
  expect(nodes[0]!.received).toBeGreaterThan(0);
  expect(Date.now() - nodes[0]!.started_at).toBeLessThan(60_000);
});

test("connections are listed page by page in one order, also those of one person or room", async () => {
  for (const node of [two, one, two, one, two]) await come(node, "ann", "event:1");
  await come(one, null, "event:1");
  await come(two, "bob");
  const { cluster } = two.hub;
  const ids: string[] = [];
  for (let after: string | undefined; ; ) {
    const { data, next } = await cluster.listConnections({ limit: 3, after });
    ids.push(...data.map(({ id }) => id));
    expect(data.length).toBeLessThanOrEqual(3);
    if (next === null) break;
    after = next;
  }
  expect(ids.map((id) => id.split("-")[0])).toEqual(["1", "1", "1", "2", "2", "2", "2"]);
  expect(new Set(ids).size).toBe(7);
  const ofAnn = await cluster.listConnections({ userId: "ann", limit: 100 });
  expect(ofAnn.data.map(({ user_id, rooms }) => [user_id, rooms])).toEqual(Array(5).fill(["ann", ["event:1"]]));
  expect((await cluster.listConnections({ room: "event:1", limit: 100 })).data).toHaveLength(6);
  const { data: onTwo } = await cluster.listConnections({ node: 2, limit: 100 });
  expect(onTwo.length).toBeGreaterThan(0);
  expect(onTwo.filter(({ id }) => !id.startsWith("2-"))).toEqual([]);
  expect((await cluster.listConnections({ userId: "bob", room: "event:1", limit: 100 })).data).toEqual([]);
  expect(
    (await cluster.listConnections({ room: "user:bob", limit: 100 })).data.map(({ username }) => username),
  ).toEqual(["bob"]);
});

test("a node that has another number is listed and greets under it", async () => {
  two.hub.renumber("7");
  const client = await openClient(two.port);
  open.push(client);
  const { payload } = await client.next("system:connected");
  expect(payload.node).toBe("7");
  const { data } = await one.hub.cluster.listConnections({ limit: 10 });
  expect(data.map(({ id }) => id)).toEqual([payload.connection_id as string]);
  expect((await one.hub.cluster.getStats()).nodes.map(({ node }) => node)).toEqual([1, 7]);
  two.hub.renumber("2");
});

test("FR-6 frames that are not stored reach the other nodes too, once, except the excluded person", async () => {
  const payload = { channel_id: "1", user_id: "ann", username: "ann" };
  const [ann, bob, cem] = [
    await come(one, "ann", "event:1"),
    await come(two, "bob", "event:1"),
    await come(two, "cem"),
  ];
  const annThere = await come(two, "ann", "event:1");
  one.hub.publishEphemeral("event:1", "typing:started", payload, "ann");
  one.hub.publishEphemeral("user:cem", "typing:started", payload);
  one.hub.publishEphemeral("all", "typing:stopped", payload);
  for (const client of [ann, annThere, bob, cem]) await client.next("typing:stopped");
  const typing = (client: WsClient) => client.frames.filter(({ type }) => type === "typing:started").length;
  expect([ann, annThere, bob, cem].map(typing)).toEqual([0, 0, 1, 1]);
});

test("FR-7 an acknowledgement reaches the caller that waits for it, on any node, and only the right person's counts", async () => {
  const [ann, bob] = [await come(two, "ann"), await come(two, "bob")];
  const acked = one.hub.cluster.waitForAck("a secret id", 5_000, "ann");
  const local = two.hub.cluster.waitForAck("a secret id", 5_000);
  bob.send({ type: "system:ack", payload: { ack_id: "a secret id" } });
  expect(await local).toBe(true);
  expect((await ann.request("system:ack", { ack_id: "a secret id" })).type).toBe("system:ack");
  expect(await acked).toBe(true);
  expect(await one.hub.cluster.waitForAck("another", 10)).toBe(false);
  const wrong = one.hub.cluster.waitForAck("third", 200, "ann");
  await bob.request("system:ack", { ack_id: "third" });
  expect(await wrong).toBe(false);
});

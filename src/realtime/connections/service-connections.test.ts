import { afterAll, beforeAll, expect, test } from "bun:test";
import { type HubNode, mintToken, startHubNode } from "../../../tests/support/hub-node.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { openClient } from "../../../tests/support/ws-client.ts";
import type { ServiceCaller } from "../../platform/caller.ts";

let node: HubNode;

beforeAll(async () => {
  node = await startHubNode({ limits: { socketsPerPerson: 3 } });
  for (const name of ["reader", "revoked", "many", "without scope"]) node.services.set(name, service(name));
  node.services.set("without scope", { ...service("without scope"), scopes: [] });
});
afterAll(() => node.stop());

const service = (name: string): ServiceCaller => ({
  kind: "service",
  tokenId: name,
  name,
  scopes: ["subscribe"],
  rooms: ["event:*", "user:5", "channel:7"],
  expiresAt: null,
});

const come = (token: string) => openClient(node.port, { query: `?token=${token}` });

test("CN-9 a service joins the rooms of its patterns and no other, and reads a person's own room without being that person", async () => {
  const client = await come("reader");
  expect((await client.next("system:connected")).payload.user_id).toBeNull();
  const joined = await Promise.all(
    ["event:1", "user:5", "channel:7", "channel:8", "user:6"].map((room) => client.request("room:join", { room })),
  );
  expect(joined.map(({ type }) => type)).toEqual([
    "room:joined",
    "room:joined",
    "room:joined",
    "system:error",
    "system:error",
  ]);
  await node.say("user:5", "for five");
  await node.say("channel:8", "for others");
  await node.say("event:1", "for all");
  await client.next("message:created", ({ payload }) => payload.content === "for all");
  expect(client.frames.filter(({ seq }) => seq !== undefined).map(({ room }) => room)).toEqual(["user:5", "event:1"]);
  const { counts } = await node.hub.cluster.countConnections(["5", "reader"]);
  expect([...counts.values()]).toEqual([0, 0]);
  expect(node.hub.counts()).toMatchObject({ authenticated: 1, anonymous: 0 });
  expect((await client.request("room:leave", { room: "user:5" })).type).toBe("room:left");
  expect(node.hub.counts().rooms).toMatchObject({ user: 0, event: 1, channel: 1 });
  client.close();
  await waitUntil("it is closed", () => node.hub.counts().connections === 0);
  expect(node.hub.counts()).toMatchObject({ authenticated: 0, anonymous: 0 });
});

test("a service without the scope is in no room", async () => {
  const client = await come("without scope");
  expect(await client.request("room:join", { room: "event:1" })).toMatchObject({ payload: { code: "FORBIDDEN" } });
  client.close();
});

test("CN-9 the connections of a revoked token end, those of others stay", async () => {
  const [revoked, stays] = await Promise.all([come("revoked"), come("reader")]);
  await Promise.all([revoked.next("system:connected"), stays.next("system:connected")]);
  node.hub.endService("revoked", Date.now());
  expect(await revoked.end()).toBe(4101);
  expect((await stays.request("system:ping")).type).toBe("system:pong");
  node.services.delete("revoked");
  stays.close();
});

test("CN-6 CN-8 a token has its own limit of connections, and a connection keeps its owner", async () => {
  const clients = await Promise.all([come("many"), come("many"), come("many")]);
  await expect(come("many")).rejects.toThrow();
  const other = await come("reader");
  expect(await other.request("system:auth", { token: await mintToken("ann") })).toMatchObject({
    payload: { code: "FORBIDDEN" },
  });
  for (const client of [...clients, other]) client.close();
  await waitUntil("all are closed", () => node.hub.counts().connections === 0);
  (await come("many")).close();
});

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { type Bus, createBus } from "../../../tests/support/broker-bus.ts";
import { type HubNode, mintToken, startHubNode } from "../../../tests/support/hub-node.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { openClient, type WsClient } from "../../../tests/support/ws-client.ts";

/** Two nodes whose limits are low, and count for both. */
let bus: Bus;
let one: HubNode;
let two: HubNode;
let liveNodes = 2;
const open: WsClient[] = [];

beforeAll(async () => {
  bus = createBus();
  const limits = {
    socketsPerPerson: 20,
    anonymousPerAddress: 20,
    rate: 100,
    burst: 1_000,
    bytes: 10_000,
    framesPerPerson: 10,
    framesPerAddress: 10,
  };
  const node = (number: number) =>
    startHubNode({ node: String(number), broker: bus.join(number), nodes: () => liveNodes, limits });
  [one, two] = await Promise.all([node(1), node(2)]);
});
afterAll(() => Promise.all([one.stop(), two.stop()]));
beforeEach(async () => {
  bus.silent.clear();
  liveNodes = 2;
  for (const client of open.splice(0)) client.close();
  await waitUntil(
    "all connections are closed",
    () => one.hub.counts().connections + two.hub.counts().connections === 0,
  );
});

async function come(node: HubNode, person: string | null): Promise<WsClient> {
  const client = await openClient(node.port, person === null ? {} : { query: `?token=${await mintToken(person)}` });
  open.push(client);
  await client.next("system:connected");
  return client;
}

async function refused(node: HubNode, person: string | null): Promise<boolean> {
  return come(node, person).then(
    () => false,
    () => true,
  );
}

test("CN-8 the connections of a person, and of an address without one, count on all nodes together", async () => {
  for (const person of ["ann", null]) {
    const first = await come(one, person);
    for (let i = 1; i < 20; i++) await come(i % 2 === 0 ? one : two, person);
    expect(await refused(one, person)).toBe(true);
    expect(await refused(two, person)).toBe(true);
    first.close();
    await waitUntil("there is a free connection again", async () => !(await refused(two, person)));
    expect(await refused(one, person)).toBe(true);
  }
});

test("CN-8 a sign-in on an open connection above the limit of all nodes is refused", async () => {
  for (let i = 0; i < 20; i++) await come(i % 2 === 0 ? one : two, "bob");
  const anonymous = await come(one, null);
  expect(await anonymous.request("system:auth", { token: await mintToken("bob") })).toMatchObject({
    type: "system:error",
    payload: { code: "RATE_LIMITED" },
  });
});

test("a person with a few connections causes no request to the other nodes", async () => {
  bus.sent.length = 0;
  for (const node of [one, one, two, two]) await come(node, "cem");
  expect(bus.sent.filter(({ subject }) => subject === "elsewhere")).toEqual([]);
});

test("the connections of a silent node are free at once; a single node sends no request", async () => {
  for (let i = 0; i < 20; i++) await come(i % 2 === 0 ? one : two, "dee");
  expect(await refused(one, "dee")).toBe(true);
  bus.silent.add(2);
  await waitUntil("the dead node's count has expired", async () => !(await refused(one, "dee")));
  liveNodes = 1;
  for (let i = 11; i < 20; i++) await come(one, "dee");
  expect(await refused(one, "dee")).toBe(true);
});

test("SL-4 a person who sends too much on all connections of all nodes is closed, on every node", async () => {
  const [here, there] = [await come(one, "eva"), await come(two, "eva")];
  // Each is far from what one connection may send.
  for (let i = 0; i < 90; i++) here.send({ type: "system:ping" });
  await waitUntil("all were taken", () => here.frames.filter(({ type }) => type === "system:pong").length === 90);
  const reported = () => bus.sent.filter(({ subject }) => subject === "limit frames of people").at(-1)?.payload;
  await waitUntil("the other node got the count", () => JSON.stringify(reported() ?? null).endsWith(",90]]"));
  for (let i = 0; i < 30; i++) there.send({ type: "system:ping" });
  expect(await there.end()).toBe(4009);
  expect(here.closed).toBeNull();
});

test("SL-4 a connection that sends too many bytes is closed, and small frames are not measured", async () => {
  const client = await come(one, null);
  const big = { type: "system:ping", payload: { much: "x".repeat(50_000) } };
  client.send(big);
  await client.next("system:pong");
  client.send(big);
  client.send(big);
  expect(await client.end()).toBe(4009);
  const small = await come(one, "fay");
  for (let i = 0; i < 80; i++) small.send({ type: "system:ping" });
  await waitUntil(
    "all replies have come",
    () => small.frames.filter(({ type }) => type === "system:pong").length === 80,
  );
});

test("above the handshakes that a node accepts in a second, clients get 503 and Retry-After", async () => {
  const node = await startHubNode({ connects: { points: 2, seconds: 60 } });
  const handshake = () =>
    fetch(`http://127.0.0.1:${node.port}/ws`, {
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        authorization: "Bearer nonsense",
      },
    });
  const responses = [await handshake(), await handshake(), await handshake()];
  expect(responses.map(({ status }) => status)).toEqual([401, 401, 503]);
  expect(responses[2]!.headers.get("retry-after")).toBe("1");
  await node.stop();
});

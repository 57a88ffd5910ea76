import { afterAll, beforeAll, expect, test } from "bun:test";
import { type HubNode, mintToken, startHubNode } from "../../../tests/support/hub-node.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { openClient } from "../../../tests/support/ws-client.ts";

let node: HubNode;
beforeAll(async () => {
  node = await startHubNode({ limits: { socketsPerPerson: 3, anonymousPerAddress: 3 } });
}, 60_000);
afterAll(() => node.stop());

const open = async (userId?: string) =>
  openClient(node.port, userId === undefined ? {} : { query: `?token=${await mintToken(userId)}` });

test("the commands of a renamed person have the new name on open connections", async () => {
  const client = await open("emil");
  const usernames: string[] = [];
  node.hub.registerCommand("typing:start", async ({ caller }) => {
    if (caller.kind === "user") usernames.push(caller.username);
    return undefined;
  });
  await client.request("typing:start", { channel_id: "1" });
  node.hub.updateUser("emil", { username: "Emilia", role: "member" });
  await client.request("typing:start", { channel_id: "1" });
  expect(usernames).toEqual(["emil", "Emilia"]);
  client.close();
});

test("CN-8 a person has a maximum of connections; one more is refused until one is closed", async () => {
  const [first] = await Promise.all([open("ann"), open("ann"), open("ann")]);
  const refusal = await fetch(`http://127.0.0.1:${node.port}/ws?token=${await mintToken("ann")}`, {
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    },
  });
  expect(refusal.status).toBe(429);
  expect(refusal.headers.get("retry-after")).not.toBeNull();
  expect(await refusal.json()).toMatchObject({ code: "rate_limited" });
  const [other] = await Promise.all([open("bob")]);
  // Nor does an anonymous connection become one of hers.
  const stranger = await open();
  const reply = await stranger.request("system:auth", { token: await mintToken("ann") });
  expect(reply).toMatchObject({ type: "system:error", payload: { code: "RATE_LIMITED" } });
  stranger.close();
  first!.close();
  await waitUntil("one of hers is closed", () => node.hub.counts().authenticated === 3);
  const again = await open("ann");
  for (const client of [other!, again]) client.close();
});

test("CN-8 an address has a maximum of anonymous connections; one that has signed in counts until it is closed", async () => {
  await waitUntil("no stranger is there", () => node.hub.counts().anonymous === 0);
  const strangers = await Promise.all([open(), open(), open()]);
  await expect(open()).rejects.toThrow("refused");
  (await open("carl")).close();
  await strangers[0]!.request("system:auth", { token: await mintToken("dora") });
  await expect(open()).rejects.toThrow("refused");
  for (const stranger of strangers) stranger.close();
  await waitUntil("all are closed", () => node.hub.counts().anonymous === 0);
  await Promise.all([open(), open(), open()]);
});

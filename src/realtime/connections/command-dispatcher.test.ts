import { afterAll, beforeAll, expect, test } from "bun:test";
import { CODES, type Code, frameCode } from "../../../protocol/codes.ts";
import { type HubNode, mintToken, startHubNode } from "../../../tests/support/hub-node.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { openClient } from "../../../tests/support/ws-client.ts";
import { AppError } from "../../platform/errors.ts";

let node: HubNode;
beforeAll(async () => {
  node = await startHubNode();
  node.hub.registerCommand("typing:start", async () => {});
  node.hub.registerCommand("typing:stop", async () => {
    throw new Error("the secret reason");
  });
  node.hub.registerCommand("message:send", async ({ payload, accepted }) => {
    accepted();
    return { content: payload.content };
  });
  node.hub.registerCommand("message:edit", async ({ payload }) => {
    throw new AppError(payload.content as Code);
  });
});
afterAll(() => node.stop());

/** One of each command, the type of its reply when it has an id, and whether it has a reply without one. */
const COMMANDS = [
  { type: "system:ping", reply: "system:pong", always: true },
  {
    type: "system:auth",
    payload: async () => ({ token: await mintToken("ann") }),
    reply: "system:ack",
    always: false,
  },
  { type: "room:join", payload: { room: "event:1" }, reply: "room:joined", always: true },
  { type: "system:resume", payload: { rooms: {} }, reply: "system:resumed", always: true },
  { type: "room:leave", payload: { room: "event:1" }, reply: "room:left", always: true },
  { type: "typing:start", payload: { channel_id: "1" }, reply: "system:ack", always: false },
  { type: "message:send", payload: { channel_id: "1", content: "x" }, reply: "system:ack", always: false },
  { type: "message:edit", payload: { message_id: "1", content: "full" }, reply: "system:error", always: true },
  { type: "message:delete", payload: {}, reply: "system:error", always: false },
  { type: "room:join", payload: {}, reply: "system:error", always: true },
  { type: "no:such", reply: "system:error", always: false },
];
const getPayload = async ({ payload }: (typeof COMMANDS)[number]) =>
  typeof payload === "function" ? await payload() : payload;

test("FR-1 unknown keys are ignored, in the frame and in its payload", async () => {
  const client = await openClient(node.port);
  client.send({ type: "system:ping", id: 1, trace: { parent: "x" }, seq: 7, payload: { of: "a later version" } });
  client.send({ type: "room:join", id: 2, room: "event:2", payload: { room: "event:1", quietly: true } });
  expect((await client.next("system:pong")).id).toBe(1);
  expect((await client.next("room:joined")).payload).toMatchObject({ room: "event:1" });
  client.close();
});

test("ER-3 the error for a payload that lacks a field says what is required", async () => {
  const client = await openClient(node.port);
  const { payload } = await client.request("message:send", { content: "x" });
  expect(payload.message).toBe("payload.channel_id: is required");
  client.send({ type: "room:join", id: 7, room: "event:1" });
  const reply = await waitUntil("the reply has come", () => client.frames.find(({ id }) => id === 7));
  expect(reply.payload.message).toBe("payload: is required");
  client.close();
});

test("FR-2 a command with an id gets exactly one reply, which carries it", async () => {
  const client = await openClient(node.port);
  for (const [id, command] of COMMANDS.entries())
    client.send({ type: command.type, id, payload: await getPayload(command) });
  await client.request("system:ping");
  const replies = client.frames.filter(({ id }) => typeof id === "number" && id < COMMANDS.length);
  expect(replies.map(({ id, type }) => [id, type]).sort()).toEqual(COMMANDS.map(({ reply }, id) => [id, reply]).sort());
  client.close();
});

test("FR-2 a command without an id gets a reply only where its type always has one, and errors", async () => {
  const client = await openClient(node.port);
  for (const command of COMMANDS) client.send({ type: command.type, payload: await getPayload(command) });
  await client.request("system:ping");
  const replies = client.frames.slice(1, -1).map(({ type }) => type);
  expect(replies.sort()).toEqual(COMMANDS.flatMap(({ reply, always }) => (always ? [reply] : [])).sort());
  client.close();
});

test("ER-1 an error has its code of the table, a sentence, and whether to try again", async () => {
  const client = await openClient(node.port);
  for (const code of Object.keys(CODES) as Code[]) {
    const { payload } = await client.request("message:edit", { message_id: "1", content: code });
    expect(payload).toEqual({ code: frameCode(code), message: CODES[code].title, retry: CODES[code].retry });
  }
  client.close();
});

test("ER-1 an internal error is sent without its text, and logged", async () => {
  const client = await openClient(node.port);
  const { payload } = await client.request("typing:stop", { channel_id: "1" });
  expect(payload).toEqual({ code: "INTERNAL", message: CODES.internal.title, retry: true });
  expect(node.logged).toContain("a command failed");
  client.close();
});

test("two modules cannot own one command", () => {
  expect(() => node.hub.registerCommand("message:send", async () => ({}))).toThrow("two handlers");
});

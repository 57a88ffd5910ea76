import { afterAll, beforeAll, expect, test } from "bun:test";
import { pino } from "pino";
import { z } from "zod";
import { Channel, Member, Message, page } from "../../../protocol/objects.ts";
import { type ChatNode, startChatNode } from "../../../tests/support/chat-node.ts";
import { loadConfig } from "../../config/load.ts";
import type { UserCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import type { Api } from "../../platform/http/api.ts";
import { createApi } from "../../platform/http/create-api.ts";
import { IdempotencyKeys } from "../../platform/idempotency-keys.ts";

let node: ChatNode;
let api: Api;
let ann: UserCaller;
let bob: UserCaller;

beforeAll(async () => {
  node = await startChatNode();
  [ann, bob] = [await node.person("ann"), await node.person("bob")];
  api = createApi({
    config: loadConfig({ environment: {}, dotenv: null, readFile: () => "" }),
    logger: pino({ level: "silent" }),
    idempotency: new IdempotencyKeys(node.sql),
    authenticate: async (token) => {
      const caller = [ann, bob].find(({ username }) => username === token);
      if (caller === undefined) throw new AppError("unauthenticated");
      return caller;
    },
    authenticateCookie: async () => null,
  });
  node.routes(api);
});
afterAll(() => node.stop());

async function call(method: string, path: string, body?: object, who = "ann", key?: string) {
  const response = await api.request(`/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${who}`,
      ...(body && { "content-type": "application/json" }),
      ...(key && { "idempotency-key": key }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

test("a message with an Idempotency-Key is sent once, also when its response and the key were lost", async () => {
  const { body: channel } = await call("POST", "/channels", { type: "public", name: "once" });
  const send = (content: string) => call("POST", `/channels/${channel.id}/messages`, { content }, "ann", "key 1");
  const first = await send("hello");
  await node.sql`DELETE FROM idempotency_keys`;
  const again = await send("hello");
  expect([first.status, again.status, again.body.id]).toEqual([201, 200, first.body.id]);
  await node.sql`DELETE FROM idempotency_keys`;
  expect((await send("something else")).status).toBe(201);
  const own = { content: "mine", client_id: "c9" };
  expect((await call("POST", `/channels/${channel.id}/messages`, own, "ann", "key 2")).body.client_id).toBe("c9");
});

test("a conversation over REST, from the channel to its end", async () => {
  const made = await call("POST", "/channels", { type: "public", name: "talk", topic: "all" });
  expect(made.status).toBe(201);
  const channel = Channel.parse(made.body);
  expect(made.headers.get("location")).toBe(`/api/v1/channels/${channel.id}`);
  const at = `/channels/${channel.id}`;

  const open = await call("GET", "/channels?scope=public&q=TAL", undefined, "bob");
  expect(
    page(Channel)
      .parse(open.body)
      .data.map(({ id }) => id),
  ).toEqual([channel.id]);
  expect(open.body.position).toEqual({ seq: 0, epoch: "epoch" });
  const joined = await call("PUT", `${at}/members/me`, {}, "bob");
  expect([joined.status, Member.parse(joined.body).user.id]).toEqual([201, bob.userId]);
  expect((await call("PUT", `${at}/members/me`, {}, "bob")).status).toBe(204);

  const post = { content: "hello", client_id: "k1" };
  const sent = await call("POST", `${at}/messages`, post);
  expect(sent.status).toBe(201);
  const message = Message.parse(sent.body);
  const again = await call("POST", `${at}/messages`, post);
  expect([again.status, again.body]).toEqual([200, sent.body]);
  const reply = await call("POST", `${at}/messages`, { content: "hi", reply_to_id: message.id }, "bob");

  const first = await call("GET", `${at}/messages?limit=1`, undefined, "bob");
  const { data, prev, next, head_seq } = first.body;
  expect([data, prev, next, head_seq]).toEqual([[reply.body], reply.body.id, null, reply.body.seq]);
  expect(first.headers.get("link")).toBe(`</api/v1${at}/messages?limit=1&before=${prev}>; rel="prev"`);
  expect((await call("GET", `/messages/${message.id}/replies`)).body.data).toEqual([reply.body]);

  expect((await call("POST", `${at}/typing`, undefined, "bob")).status).toBe(204);
  expect(node.hubCalls.at(-1)).toMatchObject({
    type: "typing:started",
    room: `channel:${channel.id}`,
    except: bob.userId,
  });
  expect((await call("GET", "/unread-counts", undefined, "bob")).body.total).toBe(1);
  const mark = await call("PUT", `${at}/read-mark`, { message_id: reply.body.id }, "bob");
  const { id, seq } = reply.body;
  expect(mark.body).toEqual({ last_read_id: id, last_read_seq: seq, unread: 0, last_seq: seq });

  const edited = await call("PATCH", `/messages/${message.id}`, { content: "hello!" });
  expect([edited.status, Message.parse(edited.body).content]).toEqual([200, "hello!"]);
  expect((await call("GET", `/messages/${message.id}`)).body).toEqual(edited.body);
  expect((await call("DELETE", `/messages/${message.id}`)).status).toBe(204);

  expect((await call("GET", `${at}/members?role=owner`)).body.data[0].user.id).toBe(ann.userId);
  expect((await call("PATCH", `${at}/members/${bob.userId}`, { role: "admin" })).body.role).toBe("admin");
  expect((await call("PATCH", at, { topic: null }, "bob")).body.topic).toBeNull();
  expect((await call("GET", at)).body.member_count).toBe(2);
  expect((await call("DELETE", `${at}/members/me`, undefined, "bob")).status).toBe(204);
  const last = await call("DELETE", `${at}/members/me`);
  expect([last.status, last.body.code]).toEqual([409, "last_owner"]);
  expect((await call("DELETE", at)).status).toBe(204);
  expect((await call("GET", at)).status).toBe(404);
});

test("a direct chat is created once: 201, then 200", async () => {
  const first = await call("POST", "/channels", { type: "direct", member_ids: [bob.userId] });
  const second = await call("POST", "/channels", { type: "direct", member_ids: [ann.userId] }, "bob");
  expect([first.status, second.status, second.body.id]).toEqual([201, 200, first.body.id]);
});

test("invalid values are refused by field, not by the database", async () => {
  const { body: channel } = await call("POST", "/channels", { type: "private", name: "x" });
  const at = `/channels/${channel.id}`;
  const bad: [string, string, object | undefined, number][] = [
    ["POST", `${at}/messages`, { content: "x".repeat(8_001) }, 422],
    ["POST", `${at}/messages`, { content: " \n " }, 422],
    ["POST", `${at}/messages`, { content: "a\0b" }, 422],
    ["POST", `${at}/messages`, { content: "x", client_id: "with blank" }, 422],
    ["POST", `${at}/messages`, { content: "x", reply_to_id: "9223372036854775808" }, 422],
    ["POST", `${at}/messages`, { content: "x", surprise: 1 }, 422],
    ["GET", "/channels/9223372036854775808", undefined, 404],
    ["GET", "/messages/0", undefined, 404],
    ["GET", `${at}/messages?before=x`, undefined, 422],
    ["GET", `${at}/messages?before=1&after=1`, undefined, 422],
    ["GET", `${at}/messages?around=1`, undefined, 404],
    ["GET", `${at}/messages?limit=101`, undefined, 422],
    ["GET", `${at}/members?q=%00`, undefined, 422],
    ["GET", `${at}/members?after=%00`, undefined, 422],
    ["PUT", `${at}/members/unknown`, {}, 404],
    ["PUT", `${at}/members/a%00b`, {}, 404],
    ["POST", "/channels", { type: "private", name: "x", member_ids: ["a b"] }, 422],
    ["POST", "/channels", { type: "private", name: "x".repeat(81) }, 422],
    ["POST", "/channels", { type: "private", name: "x", topic: "\0" }, 422],
  ];
  for (const [method, path, body, status] of bad) {
    expect([method, path, (await call(method, path, body)).status]).toEqual([method, path, status]);
  }
  expect((await call("GET", "/channels", undefined, "unknown")).status).toBe(401);
});

test("the document names every operation", () => {
  const { paths } = api.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "chat", version: "1" } });
  const operations = Object.values(z.record(z.string(), z.looseObject({})).parse(paths)).flatMap(Object.keys);
  expect(operations).toHaveLength(18);
});

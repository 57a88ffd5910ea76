import { expect, test } from "bun:test";
import type { Outgoing } from "./outbox.ts";
import { flushPromises, type ScriptedSocket, start } from "./test-environment.ts";

function ack(socket: ScriptedSocket): void {
  const { id, payload } = socket.last("message:send");
  socket.receive({ type: "system:ack", id, payload: { message_id: `m-${payload.content}` } });
}

const contents = (socket: ScriptedSocket) =>
  socket.sent.filter(({ type }) => type === "message:send").map(({ payload }) => payload.content);

test("messages of a channel are sent one after another, those of another channel in parallel", async () => {
  const { client, environment } = await start();
  const sent: string[] = [];
  client.on("sent", ({ item, message }) => sent.push(`${item.content}=${message.message_id}`));
  for (const content of ["a", "b"]) client.outbox.add({ channel_id: "1", content });
  expect(contents(environment.socket)).toEqual(["a"]);
  ack(environment.socket);
  expect(contents(environment.socket)).toEqual(["a", "b"]);
  client.outbox.add({ channel_id: "2", content: "c" });
  expect(contents(environment.socket)).toEqual(["a", "b", "c"]);
  expect(client.outbox.items.map(({ state }) => state)).toEqual(["sending", "sending"]);
  expect(sent).toEqual(["a=m-a"]);
});

test("messages written or in flight without a connection are sent afterwards, in order, with the same client id", async () => {
  const { client, environment } = await start();
  client.outbox.add({ channel_id: "1", content: "a" });
  const first = environment.socket.last("message:send").payload.client_id;
  environment.socket.cut();
  client.outbox.add({ channel_id: "1", content: "b" });
  expect(client.outbox.items.map(({ state }) => state)).toEqual(["queued", "queued"]);
  await environment.advance(500);
  environment.socket.greet();
  expect(environment.socket.last("message:send").payload).toMatchObject({ content: "a", client_id: first });
  ack(environment.socket);
  expect(contents(environment.socket)).toEqual(["a", "b"]);
});

test("a refused message waits for retry or discard and does not block the next one", async () => {
  const { client, environment } = await start();
  const item = client.outbox.add({ channel_id: "1", content: "a" });
  client.outbox.add({ channel_id: "1", content: "b" });
  const { id } = environment.socket.last("message:send");
  environment.socket.receive({ type: "system:error", id, payload: { code: "FORBIDDEN", message: "no", retry: false } });
  expect(client.outbox.items.map(({ state }) => state)).toEqual(["failed", "sending"]);
  expect(client.outbox.items[0]!.error?.code).toBe("forbidden");
  ack(environment.socket);
  client.outbox.retry(item.client_id);
  expect(contents(environment.socket)).toEqual(["a", "b", "a"]);
  client.outbox.discard(item.client_id);
  expect(client.outbox.items).toHaveLength(1);
});

test("a message with a retryable error keeps its position in the queue and is tried again later", async () => {
  const { client, environment } = await start();
  client.outbox.add({ channel_id: "1", content: "a" });
  client.outbox.add({ channel_id: "1", content: "b" });
  const { id } = environment.socket.last("message:send");
  environment.socket.receive({ type: "system:error", id, payload: { code: "RATE_LIMITED", message: "", retry: true } });
  expect(contents(environment.socket)).toEqual(["a"]);
  await environment.advance(1_000);
  expect(contents(environment.socket)).toEqual(["a", "a"]);
});

test("a message without a reply is sent again with the same client id", async () => {
  const { client, environment } = await start();
  client.outbox.add({ channel_id: "1", content: "a" });
  await environment.advance(16_000);
  const ids = environment.socket.sent.map(({ payload }) => payload?.client_id).filter(Boolean);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);
});

test("the outbox has a maximum size", async () => {
  const { client } = await start({}, false);
  for (let n = 0; n < 200; n++) client.outbox.add({ channel_id: "1", content: "a" });
  expect(() => client.outbox.add({ channel_id: "1", content: "a" })).toThrow("Too many messages");
});

/** The storage of a browser's tab, and its content. */
function tabStorage() {
  const stored = new Map<string, string>();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  };
  return { stored, storage };
}

test("a refused message survives a reload, with its reason", async () => {
  const { storage } = tabStorage();
  const { client, environment } = await start({ storage, userId: "7" });
  const { client_id } = client.outbox.add({ channel_id: "1", content: "a" });
  const { id } = environment.socket.last("message:send");
  environment.socket.receive({ type: "system:error", id, payload: { code: "FORBIDDEN", message: "no", retry: false } });
  const before = client.outbox.items;
  expect(before).toMatchObject([{ client_id, state: "failed", error: { code: "forbidden", message: "no" } }]);
  client.close();
  const again = await start({ storage, userId: "7" });
  expect(again.client.outbox.items).toEqual(before);
  expect(contents(again.environment.socket)).toEqual([]);
  again.client.outbox.retry(client_id);
  expect(contents(again.environment.socket)).toEqual(["a"]);
});

test("an unsent message survives a reload, for the same person only", async () => {
  const { stored, storage } = tabStorage();
  const { client } = await start({ storage, userId: "7" });
  const { client_id } = client.outbox.add({ channel_id: "1", content: "a" });
  client.close();
  const other = await start({ storage, userId: "8" }, false);
  expect(other.client.outbox.items).toEqual([]);
  const { client: again, environment } = await start({ storage, userId: "7" });
  await flushPromises();
  expect(environment.socket.last("message:send").payload.client_id).toBe(client_id);
  ack(environment.socket);
  const pending: readonly Outgoing[] = again.outbox.items;
  expect(pending).toEqual([]);
  expect(stored.size).toBe(0);
});

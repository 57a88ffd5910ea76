import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { type GrpcNode, startGrpcNode, TOKEN } from "../grpc/node.ts";
import { joinTokens, jsonObject, whiteSpace } from "../support/json-texts.ts";
import { openSse } from "../support/sse-client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

/** What a service sends reaches all as it was written, by each way in and each way out. */
setDefaultTimeout(60_000);

let node: GrpcNode;
let receiver: WebhookReceiver;
let owner: string;
beforeAll(async () => {
  receiver = new WebhookReceiver();
  node = await startGrpcNode({ WEBHOOKS_ALLOW_PRIVATE: "on" });
  owner = (await node.person("olga")).token;
  await request("POST", "/webhook-endpoints", `{"url":"${receiver.url}","event_types":["t:*"],"ordered":true}`, owner);
});
afterAll(async () => {
  await node.close();
  await receiver.close();
});

async function request(method: string, path: string, body?: string, token = TOKEN) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${node.url}/api/v1${path}`, { method, headers, body });
  return { status: response.status, text: await response.text() };
}

/** Frames as they come, unread. */
async function rawSocket(token: string, room: string): Promise<{ texts: string[]; close(): void }> {
  const socket = new WebSocket(`ws://127.0.0.1:${node.httpPort}/ws?token=${token}`);
  const texts: string[] = [];
  socket.onmessage = ({ data }) => texts.push(String(data));
  socket.onopen = () => socket.send(JSON.stringify({ type: "room:join", id: 1, payload: { room } }));
  await waitUntil("it is in the room", () => texts.some((text) => text.includes('"room:joined"')));
  return { texts, close: () => socket.close() };
}

/** Frames of `t:` types carry `payload` last. */
const payloads = (texts: readonly string[]) =>
  texts
    .filter((text) => text.startsWith('{"type":"t:'))
    .map((text) => text.slice(text.indexOf(',"payload":') + 11, -1));

test("FR-5 NT-1 a payload reaches sockets, streams, logs and webhooks as its sender wrote it", async () => {
  const room = "event:texts";
  const socket = await rawSocket(owner, room);
  const watch = await fetch(`${node.url}/api/v1/stream?rooms=${room}`);
  let streamed = "";
  void (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of watch.body!) streamed += decoder.decode(bytes, { stream: true });
  })().catch(() => {});
  const subscribed = node.stream("realtime.RealtimeService/Subscribe", { rooms: [{ room }] });
  await waitUntil(
    "both streams are in the room",
    () => streamed.includes("system:resumed") && subscribed.received.length > 1,
  );
  const { text: begin } = await request("GET", "/changes");
  const { next } = JSON.parse(begin) as { next: string };

  const sent: string[] = [];
  let stored = 0;
  const one = fc.asyncProperty(jsonObject, whiteSpace, fc.boolean(), async (tokens, gaps, ephemeral) => {
    const text = joinTokens(tokens, gaps);
    const body = `{"payload" : ${text}, "event_type":"t:rest","ephemeral":${ephemeral}}`;
    expect(await request("POST", `/rooms/${room}/broadcasts`, body)).toMatchObject({ status: 200 });
    const broadcast = { event_type: "t:grpc", room, payload: text, ephemeral };
    await node.request("realtime.RealtimeService/BroadcastEvent", broadcast);
    for (let n = 0; n < 2; n++) sent.push(tokens.join(""));
    if (!ephemeral) stored += 2;
    await waitUntil("the socket has it", () => payloads(socket.texts).length === sent.length);
    expect(payloads(socket.texts).slice(-2)).toEqual(sent.slice(-2));
  });
  await fc.assert(one, { numRuns: 40 });

  const lines = () => streamed.split("\n").filter((line) => line.startsWith("data: "));
  const grpcTexts = () => subscribed.received.filter(({ type }) => type.startsWith("t:"));
  await waitUntil(
    "the streams have all",
    () => grpcTexts().length === sent.length && payloads(lines().map((line) => line.slice(6))).length === sent.length,
  );
  expect(payloads(lines().map((line) => line.slice(6)))).toEqual(sent);
  expect(grpcTexts().map(({ payload }) => payload)).toEqual(sent);
  subscribed.call.cancel();

  const logged = payloads(socket.texts.filter((text) => text.includes('"seq":')));
  expect(logged).toHaveLength(stored);
  const history = await request("GET", `/rooms/${room}/history?limit=100`);
  expect(logged.filter((text) => !history.text.includes(`"payload":${text}}`))).toEqual([]);
  expect(JSON.parse(history.text)).toMatchObject({ head_seq: stored });
  const changes = await waitUntil("the changes have all", async () => {
    const { text } = await request("GET", `/changes?after=${next}&types=t:*&limit=1000&wait=5`);
    return JSON.parse(text).data.length === stored ? text : null;
  });
  expect(logged.filter((text) => !changes.includes(`"data":${text}}`))).toEqual([]);

  await waitUntil("the webhooks came", () => receiver.received.length === stored);
  for (const [at, { text, body }] of receiver.received.entries()) {
    expect(body.data).toMatchObject({ room, seq: at + 1 });
    expect(text).toEndWith(logged[at] === "{}" ? "}}" : `,${logged[at]!.slice(1)}}`);
  }
  socket.close();
});

const ODD = '{"order_id":9007199254740993,"price":10.10,"__proto__":{"x":1},"room":"mine","ack":"é"}';

test("NT-2 a notice with an acknowledgement is as its sender wrote it, and the server's mark after it", async () => {
  const ann = await node.person("ann");
  const socket = await rawSocket(ann.token, `user:${ann.id}`);
  const send = (payload: string) =>
    request("POST", `/users/${ann.id}/notices`, `{"event_type":"t:notice","require_ack":true,"payload":${payload}}`);
  const result = send(ODD);
  await waitUntil("it came", () => payloads(socket.texts).length === 1);
  expect(payloads(socket.texts)[0]).toStartWith(`${ODD.slice(0, -1)},"ack_id":"`);
  socket.close();
  expect((await result).status).toBe(200);
  expect(await send('{"ack_id":"mine"}')).toMatchObject({
    status: 422,
    text: expect.stringContaining("/payload/ack_id"),
  });
});

test("a webhook's own fields replace those of the payload, and an admin's trace shows numbers as they were written", async () => {
  const room = "event:odd";
  const socket = await rawSocket(owner, room);
  const trace = await openSse(`${node.url}/api/v1/admin/traces?room=${room}&seconds=30`, {
    authorization: `Bearer ${owner}`,
  });
  const before = receiver.received.length;
  await request("POST", `/rooms/${room}/broadcasts`, `{"event_type":"t:odd","payload":${ODD}}`);
  const hook = await waitUntil("the webhook came", () => receiver.received[before]);
  expect(hook.text).toEndWith(',"order_id":9007199254740993,"price":10.10,"__proto__":{"x":1},"ack":"é"}}');
  expect(hook.body.data).toMatchObject({ room, seq: 1 });
  await waitUntil("the trace shows it", () => JSON.stringify(trace.events).includes("t:odd"));
  expect(trace.events.map(({ frame }) => String((frame as unknown as { text: string }).text)).join()).toContain(ODD);
  trace.close();
  socket.close();
});

test("a payload that readers would not agree on, or that is none, is refused by name at each interface", async () => {
  const refused = {
    '{"a":{"b":1,"\\u0062":2}}': 'has \\"b\\" twice',
    '{"a":"\\u0000"}': "NUL",
    '{"ticket":1e999}': "too large",
  };
  for (const [payload, word] of Object.entries(refused)) {
    const http = await request("POST", "/rooms/event:odd/broadcasts", `{"event_type":"t:x","payload":${payload}}`);
    expect([payload, http.status >= 400 && http.status < 500]).toEqual([payload, true]);
    expect(http.text).toContain(word);
    const call = node.request("realtime.RealtimeService/BroadcastEvent", {
      event_type: "t:x",
      room: "event:odd",
      payload,
    });
    expect(await call.catch(({ code }) => code)).toBe(3);
  }
  for (const payload of ["[1]", "1", '"x"', "{", "{} {}", ""]) {
    const call = node.request("realtime.RealtimeService/SendToUser", { event_type: "t:x", user_id: "u", payload });
    expect([payload, await call.catch(({ code }) => code)]).toEqual([payload, payload === "" ? expect.anything() : 3]);
  }
  // A type that is called as something every object has is a type like any other.
  expect(
    await request("POST", "/rooms/event:odd/broadcasts", '{"event_type":"constructor","payload":{}}'),
  ).toMatchObject({
    status: 200,
  });
});

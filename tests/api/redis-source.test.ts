import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type RedisEngine, startRedis } from "../support/engines/redis.ts";
import { findTool, testWith } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** The first back ends' Redis channels, on a real Redis. */
setDefaultTimeout(60_000);
const test = testWith("redis-server");

let redis: RedisEngine;
let app: TestApp;
beforeAll(async () => {
  if (findTool("redis-server") === null) return;
  redis = await startRedis();
  app = await startTestApp({ REDIS_URL: redis.url, REDIS_SOURCE: "on" });
}, 60_000);
afterAll(async () => {
  await app?.close();
  await redis?.close();
});

const publish = (channel: string, message: object | string) =>
  redis.cli("publish", channel, typeof message === "string" ? message : JSON.stringify(message));
/** Usher is the only subscriber. */
const isHeard = () =>
  waitUntil("Usher listens", async () => (await redis.cli("pubsub", "numsub", "ticket:events")).endsWith("1"));

test("what is published for a person, a room and all reaches them; the person gets it later, too", async () => {
  await isHeard();
  const response = await fetch(`${app.url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "ann@example.org", username: "ann", password: "correct horse" }),
  });
  const { access_token, user } = (await response.json()) as { access_token: string; user: { id: string } };
  const port = Number(new URL(app.url).port);
  const client = await openClient(port, { query: `?token=${access_token}` });
  const { payload: joined } = await client.request("room:join", { room: `user:${user.id}`, since: 0 });
  await client.request("room:join", { room: "event:7" });

  await publish("booking:events", "no JSON");
  await publish("booking:events", { type: "to:unknown", payload: {} });
  await publish("booking:events", `{"type":"booking:confirmed","user_id":"${user.id}","payload":{"booking_id":1e999}}`);
  await publish("booking:events", { type: "booking:confirmed", user_id: user.id, payload: { booking_id: "b-1" } });
  expect((await client.next("booking:confirmed")).payload).toMatchObject({ booking_id: "b-1" });
  await publish("ticket:events", { type: "seats:changed", room: "event:7", payload: { seats: ["A1"] } });
  expect(await client.next("seats:changed")).toMatchObject({ room: "event:7", payload: { seats: ["A1"] } });
  await publish("broadcast:all", { type: "notice:all", payload: { text: "Doors open" } });
  expect((await client.next("notice:all")).payload).toEqual({ text: "Doors open" });
  client.close();

  await publish("payment:events", {
    type: "payment:success",
    user_id: user.id,
    payload: { booking_id: "b-1", payment_id: "p-1", status: "success" },
  });
  const later = await openClient(port, { query: `?token=${access_token}` });
  await later.request("room:join", { room: `user:${user.id}`, since: joined.seq });
  expect((await later.next("payment:success")).payload).toMatchObject({ payment_id: "p-1" });
  later.close();
});

test("after Redis was away, its channels are received again", async () => {
  const client = await openClient(Number(new URL(app.url).port));
  await redis.kill();
  await redis.start();
  await isHeard();
  await publish("broadcast:all", { type: "notice:all", payload: { text: "Back" } });
  expect((await client.next("notice:all")).payload).toEqual({ text: "Back" });
  client.close();
});

test("a payload on a Redis channel goes out as it was written", async () => {
  const client = new WebSocket(`${app.socketUrl}`);
  const texts: string[] = [];
  client.onmessage = ({ data }) => texts.push(String(data));
  await waitUntil("it is open", () => texts.length > 0);
  await publish(
    "broadcast:all",
    '{"type":"notice:all","payload": {"n": 9007199254740993, "price":10.10,"__proto__":{"x":1}}}',
  );
  await waitUntil("it came", () =>
    texts.includes('{"type":"notice:all","payload":{"n":9007199254740993,"price":10.10,"__proto__":{"x":1}}}'),
  );
  client.close();
});

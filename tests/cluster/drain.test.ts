import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { openClient } from "../support/ws-client.ts";

/** One of two nodes stops, as a balancer and a client see it. */
setDefaultTimeout(120_000);

let database: TestDatabase;
let stays: TestApp;
let goes: TestApp;
beforeAll(async () => {
  database = await testDatabase();
  const env = { DATABASE_URL: database.url, ROLES: "edge,api,worker", BROKER: "postgres" };
  stays = await startTestApp(env);
  goes = await startTestApp(env);
}, 120_000);
afterAll(async () => {
  await stays?.close();
  await database.close();
}, 60_000);

test("DR-2 a node that stops announces it first, and still serves clients that come", async () => {
  const port = Number(new URL(goes.url).port);
  expect((await fetch(`${goes.url}/ready`)).status).toBe(200);
  const stopped = goes.close();
  const [ready, late] = await Promise.all([fetch(`${goes.url}/ready`), openClient(port)]);
  expect([ready.status, ready.headers.get("connection")]).toEqual([503, "close"]);
  expect(await ready.json()).toEqual({ status: "unavailable", reason: "draining" });
  expect((await fetch(`${goes.url}/api/v1/meta`)).status).toBe(200);
  await late.next("system:connected");
  expect((await late.next("system:bye")).payload.code).toBe(4001);
  expect(await late.end()).toBe(4001);
  await stopped;
  expect((await fetch(`${stays.url}/ready`)).status).toBe(200);
});

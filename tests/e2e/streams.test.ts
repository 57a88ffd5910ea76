import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";
import { createChannel, openBrowser, register } from "./browser.ts";
import { type Relay, relayTo } from "./relay.ts";

let app: TestApp;
let relay: Relay;
let browser: Browser;

beforeAll(async () => {
  app = await startTestApp();
  relay = await relayTo(app.url);
  browser = await openBrowser();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await relay?.close();
  await app?.close();
}, 30_000);

/** The events the page received, put there by the script below. */
interface Received {
  all: number[];
  named: string[];
  opened: number;
}

test("a browser's EventSource reconnects after a cut, and has missed nothing", async () => {
  const ada = await register(browser, relay.url, "ada");
  const path = await createChannel(ada, "general");
  const id = path.split("/").at(-1)!;
  const received = () => ada.page.evaluate(() => (window as unknown as { received: Received }).received);
  await ada.page.evaluate((room) => {
    const received: Received = { all: [], named: [], opened: 0 };
    (window as unknown as { received: Received }).received = received;
    const url = `/api/v1/stream?rooms=${room},user:me`;
    const plain = new EventSource(url);
    plain.onopen = () => received.opened++;
    plain.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "message:created") received.all.push(Number(frame.payload.content));
    };
    const named = new EventSource(`${url}&event_names=true`);
    named.addEventListener("message:created", ({ data }) => received.named.push(JSON.parse(data).payload.content));
    named.onopen = () => received.opened++;
  }, `channel:${id}`);
  await waitUntil("both are open", async () => (await received()).opened === 2);

  const [cookie] = (await ada.context.cookies()).filter(({ name }) => name === "usher_session");
  const say = async (n: number) => {
    const response = await fetch(`${app.url}/api/v1/channels/${id}/messages`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        cookie: `${cookie!.name}=${cookie!.value}`,
        origin: new URL(app.url).origin,
      },
      body: JSON.stringify({ content: String(n) }),
    });
    expect(response.status).toBe(201);
  };
  await say(1);
  await waitUntil("it was received", async () => (await received()).all.length === 1);
  relay.cut();
  for (let n = 2; n <= 6; n++) await say(n);
  relay.restore();
  await waitUntil("both have come back", async () => (await received()).opened === 4);
  await say(7);
  await waitUntil(
    "the last one came",
    async () => (await received()).all.includes(7) && (await received()).named.includes("7"),
  );
  expect((await received()).all).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect((await received()).named).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
}, 60_000);

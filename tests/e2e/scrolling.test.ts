import { afterAll, beforeAll, expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import type { Browser, Page } from "playwright-core";
import { createClient } from "../../sdk/client.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { chooseSeed } from "../support/seeded.ts";
import { waitUntil } from "../support/wait-until.ts";
import { createChannel, joinChannel, openBrowser, PASSWORD, type Person, register, waitUntilLive } from "./browser.ts";
import { readMovement, watchMovement } from "./movement.ts";

const MESSAGES = 500;

let app: TestApp;
let browser: Browser;
let ada: Person;
let path: string;
let ids: string[];
let post: (content: string) => Promise<{ id: string }>;

beforeAll(async () => {
  app = await startTestApp();
  browser = await openBrowser();
  ada = await register(browser, app.url, "ada");
  const bo = await register(browser, app.url, "bo");
  path = await createChannel(ada, "announcements");
  await joinChannel(bo, path);
  await bo.context.close();
  const { access_token } = await createClient({ url: app.url }).rest.auth.login({ username: "bo", password: PASSWORD });
  const { rest } = createClient({ url: app.url, token: access_token });
  post = (content) => rest.messages.send(path.split("/").at(-1) ?? "", { content, client_id: crypto.randomUUID() });
  ids = [];
  for (let n = 1; n <= MESSAGES; n += 1)
    ids.push((await post(`line ${n}.${"\nand more".repeat(n % 7 === 0 ? n % 5 : 0)}`)).id);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

/** Every message of the channel, in order. */
async function allIds(): Promise<string[]> {
  const all: string[] = [];
  for (let before: string | null = null; ; ) {
    const query = new URLSearchParams({ limit: "100", ...(before ? { before } : {}) });
    const result = await ada.context.request.get(`/api/v1${path}/messages?${query}`);
    const page: { data: { id: string }[]; prev: string | null } = await result.json();
    all.unshift(...page.data.map(({ id }) => id));
    if (page.prev === null) return all;
    before = page.prev;
  }
}

/** Pages of messages come this late and with this many messages. */
async function slowPages(page: Page, latency: () => number, size: number | null): Promise<void> {
  await page.unroute("**/api/v1/channels/*/messages?*");
  await page.route("**/api/v1/channels/*/messages?*", async (route) => {
    const url = new URL(route.request().url());
    if (size !== null) url.searchParams.set("limit", String(size));
    await sleep(latency());
    await route.continue({ url: url.href }).catch(() => {});
  });
}

async function open(at: string): Promise<void> {
  await ada.page.goto(at);
  await waitUntilLive(ada);
  const box = await ada.page.getByRole("region", { name: "Messages" }).boundingBox();
  if (!box) throw new Error("the messages are not visible");
  await ada.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await watchMovement(ada.page);
}

for (const { title, latency } of [
  { title: "with pages that come late", latency: 200 },
  { title: "with pages that come at once", latency: 0 },
]) {
  test(`a user who scrolls down from the top of a channel, ${title}, is shown every message`, async () => {
    const { page } = ada;
    await slowPages(page, () => latency, null);
    await open(`${path}?at=${ids[0]}`);
    await waitUntil(
      "the end is reached",
      async () => {
        await page.mouse.wheel(0, 300);
        await page.evaluate(
          () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
        );
        return (await readMovement(page)).seen.includes(ids.at(-1) ?? "");
      },
      60_000,
    );
    const { jumps, seen, loads } = await readMovement(page);
    expect(jumps).toEqual([]);
    expect(loads).toBeGreaterThan(4);
    expect(ids.flatMap((id, index) => (seen.includes(id) ? [] : [index + 1]))).toEqual([]);
  }, 90_000);
}

const step = fc.record({
  // Mostly one way, so that many pages are passed; now and then back.
  dy: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 50, max: 1_200 }) },
    { weight: 1, arbitrary: fc.integer({ min: -900, max: -50 }) },
  ),
  pause: fc.oneof(fc.constant(16), fc.integer({ min: 0, max: 250 })),
  written: fc.boolean(),
});
const visit = fc.record({
  from: fc.nat(MESSAGES - 1),
  down: fc.boolean(),
  size: fc.integer({ min: 3, max: 100 }),
  latency: fc.integer({ min: 0, max: 400 }),
  uneven: fc.boolean(),
  steps: fc.array(step, { minLength: 10, maxLength: 30 }),
});

test("the message under the eye stays through every load, whichever way one scrolls, however late and large the pages", async () => {
  const seed = chooseSeed("scrolling");
  let loads = 0;
  await fc.assert(
    fc.asyncProperty(visit, async ({ from, down, size, latency, uneven, steps }) => {
      const { page } = ada;
      await slowPages(page, () => (uneven ? Math.random() * latency : latency), size);
      await open(`${path}?at=${ids[from]}`);
      for (const { dy, pause, written } of steps) {
        await page.mouse.wheel(0, down ? dy : -dy);
        if (written) await post("meanwhile");
        await sleep(pause);
      }
      // The last page arrives when no one scrolls any more.
      await sleep(latency + 900);
      const movement = await readMovement(page);
      loads += movement.loads;
      expect(movement.jumps).toEqual([]);
    }),
    { seed, numRuns: 12, endOnFailure: true },
  );
  expect(loads).toBeGreaterThan(12);
}, 300_000);

test("a user who jumps to the end while other pages are loading arrives there, and no message is left out between", async () => {
  const { page } = ada;
  for (const wheel of [-700, 700]) {
    // Both directions are asked for as soon as the page is open.
    await slowPages(page, () => 400, null);
    await open(`${path}?at=${ids[250]}`);
    await page.mouse.wheel(0, wheel);
    await page.getByRole("region", { name: "Messages" }).press("End");
    await page.getByRole("button", { name: /new|Latest/ }).waitFor({ state: "detached" });
    await sleep(900);
    const shown = await page
      .locator("[data-message]")
      .evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset.message ?? ""));
    const all = await allIds();
    expect(shown).toEqual(all.slice(all.length - shown.length));
    await expectAtEnd(page);
  }
}, 60_000);

async function expectAtEnd(page: Page): Promise<void> {
  const place = await page.getByRole("region", { name: "Messages" }).evaluate(({ scrollTop }) => scrollTop);
  expect(Math.abs(place)).toBeLessThan(1);
}

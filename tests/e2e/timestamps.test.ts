import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { startTestApp, type TestApp } from "../support/app.ts";
import { createChannel, openBrowser, type Person, register, waitUntilLive } from "./browser.ts";

let app: TestApp;
let browser: Browser;
let ada: Person;
let path: string;

beforeAll(async () => {
  app = await startTestApp();
  browser = await openBrowser();
  ada = await register(browser, app.url, "ada");
  path = await createChannel(ada, "general");
  for (let n = 0; n < 60; n += 1) {
    const data = { content: `line ${n}.` };
    const headers = { origin: app.url };
    await ada.context.request.post(`/api/v1${path}/messages`, { data, headers });
  }
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

/** The time beside a message that is not the first of its block. */
const readTime = (page: Page, text: string) =>
  page.locator("[data-message]:not([data-group-start])", { hasText: text }).locator("time[aria-hidden]");

test("each message of a block shows its time under the pointer, at the keyboard's focus and by a tap", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  const [last, before] = [readTime(page, "line 59."), readTime(page, "line 58.")];
  expect(await last.isVisible()).toBe(false);
  await page.getByText("line 59.").hover();
  await last.waitFor();
  expect(await last.textContent()).toMatch(/^\d\d:\d\d$/);
  expect(await last.getAttribute("title")).toMatch(/\d{4}, \d\d:\d\d$/);

  await page.mouse.move(5, 5);
  await page.getByRole("region", { name: "Messages" }).focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await before.waitFor();
  expect(await last.isVisible()).toBe(false);

  const phone = await browser.newContext({
    baseURL: app.url,
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
    storageState: await ada.context.storageState(),
  });
  const small = await phone.newPage();
  await small.goto(path);
  await waitUntilLive({ ...ada, page: small });
  await small.getByText("line 58.").tap();
  await readTime(small, "line 58.").waitFor();
  await phone.close();
}, 60_000);

test("the day of the visible messages is shown above them, anywhere in the history", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  const box = page.getByRole("region", { name: "Messages" });
  await box.evaluate((element) => element.scrollBy(0, -700));
  const day = page.getByText("Today", { exact: true });
  const [here, around] = [await day.boundingBox(), await box.boundingBox()];
  expect(here!.y).toBeGreaterThanOrEqual(around!.y);
  expect(here!.y).toBeLessThan(around!.y + 40);
}, 60_000);

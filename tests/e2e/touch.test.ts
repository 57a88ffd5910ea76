import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Locator, Page } from "playwright-core";
import { startTestApp, type TestApp } from "../support/app.ts";
import {
  createChannel,
  openBrowser,
  type Person,
  register,
  sendMessage,
  waitForMessage,
  waitUntilLive,
} from "./browser.ts";

let app: TestApp;
let browser: Browser;
let ada: Person;
/** A phone of the same person, at the same channel. */
let page: Page;

beforeAll(async () => {
  app = await startTestApp();
  browser = await openBrowser();
  ada = await register(browser, app.url, "ada");
  const path = await createChannel(ada, "general");
  await waitUntilLive(ada);
  for (let n = 1; n <= 28; n++)
    await sendMessage(ada, `message ${n} ${"of a length that reaches the end".slice(0, n + 2)}.`);
  await sendMessage(ada, `${app.url}/docs`);
  await sendMessage(ada, "message 30 is the last one.");
  await waitForMessage(ada, "message 30 ");
  const phone = await browser.newContext({
    baseURL: app.url,
    storageState: await ada.context.storageState(),
    viewport: { width: 390, height: 760 },
    hasTouch: true,
    isMobile: true,
  });
  page = await phone.newPage();
  await page.goto(path);
  await waitUntilLive({ ...ada, page });
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

const findRow = (text: string) => page.locator("[data-message]", { hasText: text });
const findButtons = (row: Locator) => row.getByRole("group", { name: "Message actions" });
const top = async (locator: Locator) => (await locator.boundingBox())!.y;

/** The messages, other than this one, that lie under its buttons. */
const coveredBy = (row: Locator) =>
  row.evaluate((element) => {
    const bar = element.querySelector("fieldset")!.getBoundingClientRect();
    return [...document.querySelectorAll<HTMLElement>("[data-message]")]
      .filter((other) => other !== element)
      .filter((other) => {
        const box = other.getBoundingClientRect();
        return box.top < bar.bottom - 1 && box.bottom > bar.top + 1;
      })
      .map((other) => other.textContent);
  });

test("a tapped message shows its buttons over no other message, and its text stays where it was tapped", async () => {
  for (const text of ["message 24 ", "message 30 "]) {
    const row = findRow(text);
    const before = await top(row.locator("[data-text]"));
    await row.tap();
    await findButtons(row).waitFor();
    expect(await page.getByRole("group", { name: "Message actions" }).count()).toBe(1);
    expect(await coveredBy(row)).toEqual([]);
    expect(Math.abs((await top(row.locator("[data-text]"))) - before)).toBeLessThan(1);
  }
  const list = page.getByRole("region", { name: "Messages" });
  await list.evaluate((box) => box.scrollBy(0, -200));
  await page.getByRole("button", { name: "Latest" }).waitFor();
  for (const text of ["message 15 ", "message 12 ", "message 17 "]) {
    const row = findRow(text);
    const before = await top(row.locator("[data-text]"));
    await row.locator("[data-text]").tap();
    await findButtons(row).waitFor();
    expect(await coveredBy(row)).toEqual([]);
    expect([text, Math.abs((await top(row.locator("[data-text]"))) - before) < 1]).toEqual([text, true]);
  }
  await page.getByRole("button", { name: "Latest" }).tap();
  await findRow("message 30 ").tap();
}, 60_000);

test("a tap at the end of the line above an opened message goes to that line, and to no button", async () => {
  await findRow("message 27 ").tap();
  await findButtons(findRow("message 27 ")).waitFor();
  const above = findRow("message 26 ");
  const box = (await above.boundingBox())!;
  for (const fromEnd of [30, 70, 110]) {
    await above.tap({ position: { x: box.width - fromEnd, y: box.height / 2 } });
    await findButtons(above).waitFor();
    expect(await page.getByLabel("Edit the message").count()).toBe(0);
    expect(await page.getByText("Reply to ada:").count()).toBe(0);
    await findRow("message 27 ").locator("[data-text]").tap();
    await findButtons(findRow("message 27 ")).waitFor();
  }
}, 60_000);

test("buttons stay while a finger is lifted from them and after a second tap, and act on their own message", async () => {
  const row = findRow("message 25 ");
  const text = row.locator("[data-text]");
  await text.tap();
  await text.tap();
  await findButtons(row).waitFor();
  // A finger that is lifted leaves; its click comes after that.
  await row
    .getByRole("button", { name: "Reply" })
    .dispatchEvent("pointerout", { pointerType: "touch", bubbles: true, relatedTarget: null });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  expect(await findButtons(row).isVisible()).toBe(true);
  await row.getByRole("button", { name: "Reply" }).tap();
  await page.locator("form", { hasText: "Reply to ada:" }).getByText("message 25 ").waitFor();
  await page.getByRole("button", { name: "Cancel the reply" }).tap();
}, 60_000);

test("the buttons of a message at the upper edge are visible and can be pressed", async () => {
  const list = page.getByRole("region", { name: "Messages" });
  const day = (await page.getByText("Today", { exact: true }).boundingBox())!;
  const limit = day.y + day.height;
  const first = await list.evaluate(
    (box, limit) =>
      [...box.querySelectorAll<HTMLElement>("[data-message]")].find((row) => row.getBoundingClientRect().top > limit)!
        .dataset.message,
    limit + 6,
  );
  const row = page.locator(`[data-message="${first}"]`);
  await page.touchscreen.tap(100, (await top(row)) + 12);
  await findButtons(row).waitFor();
  expect(await top(findButtons(row))).toBeGreaterThanOrEqual(await top(list));
  await row.getByRole("button", { name: "Edit" }).tap();
  await page.getByLabel("Edit the message").waitFor();
  await page.getByRole("button", { name: "Cancel" }).tap();
}, 60_000);

test("a link opens at one tap while another message shows its buttons", async () => {
  await findRow("message 28 ").tap();
  await findButtons(findRow("message 28 ")).waitFor();
  const opened = page.context().waitForEvent("page");
  await page.getByRole("link", { name: `${app.url}/docs` }).tap();
  await (await opened).close();
}, 60_000);

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
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
let path: string;

beforeAll(async () => {
  app = await startTestApp();
  browser = await openBrowser();
  ada = await register(browser, app.url, "ada");
  path = await createChannel(ada, "general");
  await waitUntilLive(ada);
  await sendMessage(ada, "older, see https://example.org/a and https://example.org/b");
  await sendMessage(ada, "newer, see https://example.org/c");
  await waitForMessage(ada, "newer, see");
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

/** What has the focus: a message's text, or the name of a field, link or button. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const { activeElement: element } = document;
    const text = element?.querySelector("[data-text]")?.textContent;
    return text ?? element?.getAttribute("aria-label") ?? element?.textContent ?? "";
  });
}

test("Shift+Tab goes from the composer to the newest message, and its keys work there and on a link in it", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  const composer = page.getByLabel(/^Message to/);
  await composer.focus();
  await page.keyboard.press("Shift+Tab");
  expect(await focused(page)).toStartWith("newer");
  await page.keyboard.press("ArrowUp");
  expect(await focused(page)).toStartWith("older");
  await page.keyboard.press("Tab");
  expect(await focused(page)).toBe("https://example.org/a");
  await page.keyboard.press("ArrowDown");
  expect(await focused(page)).toStartWith("newer");
  await page.keyboard.press("Tab");
  expect(await focused(page)).toBe("https://example.org/c");
  await page.keyboard.press("r");
  await page.getByText("Reply to ada: newer").waitFor();
  await page.keyboard.press("Escape");

  await page.keyboard.press("Shift+Tab");
  expect(await focused(page)).toStartWith("newer");
  await page.keyboard.press("Tab");
  await page.keyboard.press("e");
  await page.getByLabel("Edit the message").waitFor();
  // The keys of a message are letters in its edit box.
  await page.keyboard.type("re");
  expect(await page.getByLabel("Edit the message").inputValue()).toEndWith("/cre");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Discard" }).click();
}, 60_000);

test("Escape closes each panel and returns the focus to what opened it", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  for (const { opener, panel } of [
    { opener: /^\d+ members?$/, panel: "Members" },
    { opener: "About this channel", panel: "About this channel" },
  ]) {
    const link = page.getByRole("banner").or(page.locator("main header")).getByRole("link", { name: opener });
    await link.focus();
    await page.keyboard.press("Enter");
    const aside = page.getByRole("complementary", { name: panel });
    await aside.and(page.locator(":focus")).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Escape");
    await aside.waitFor({ state: "detached" });
    await link.and(page.locator(":focus")).waitFor();
    expect(new URL(page.url()).pathname).toBe(path);

    // Loaded with its panel: the composer keeps the focus, and the panel's own link gets it.
    await page.goto(`${path}/${panel === "Members" ? "members" : "about"}`);
    await waitUntilLive(ada);
    await page
      .getByLabel(/^Message to/)
      .and(page.locator(":focus"))
      .waitFor();
    await aside.getByRole("link", { name: /^Close/ }).press("Enter");
    await aside.waitFor({ state: "detached" });
    await link.and(page.locator(":focus")).waitFor();
  }
}, 60_000);

test("Escape in a panel first closes the question that is open in it, and in the composer first the reply", async () => {
  const { page } = ada;
  await page.goto(`${path}/about`);
  await waitUntilLive(ada);
  const aside = page.getByRole("complementary", { name: "About this channel" });
  const question = aside.getByText("Delete the channel", { exact: true });
  await question.press("Enter");
  await aside.getByRole("button", { name: /permanently$/ }).focus();
  await page.keyboard.press("Escape");
  await question.and(page.locator(":focus")).waitFor();
  expect(await aside.isVisible()).toBe(true);

  await page.locator("[data-message]", { hasText: "newer" }).hover();
  await page.getByRole("button", { name: "Reply" }).click();
  await page.getByText("Reply to ada: newer").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Reply to ada: newer").waitFor({ state: "detached" });
  expect(await aside.isVisible()).toBe(true);
  await page.keyboard.press("Escape");
  await aside.waitFor({ state: "detached" });
}, 60_000);

test("End does not move the focus elsewhere when the message that had it is no longer loaded", async () => {
  const { page } = ada;
  const long = await createChannel(ada, "long");
  const id = long.split("/").at(-1);
  let first = "";
  for (let n = 0; n < 120; n++) {
    const result = await ada.context.request.post(`/api/v1/channels/${id}/messages`, {
      data: { content: `line ${n}` },
      headers: { origin: app.url },
    });
    if (n === 0) first = (await result.json()).id;
  }
  await page.goto(`${long}?at=${first}`);
  await waitUntilLive(ada);
  const messages = page.getByRole("region", { name: "Messages" });
  await page.locator(`[data-message="${first}"]`).focus();
  await page.keyboard.press("End");
  await page.locator("[data-message]").filter({ hasText: "line 119" }).waitFor();
  await page.locator(`[data-message="${first}"]`).waitFor({ state: "detached" });
  expect(await messages.evaluate((element) => element.contains(document.activeElement))).toBe(true);
  await page.keyboard.press("ArrowUp");
  expect(await focused(page)).toBe("line 119");
}, 60_000);

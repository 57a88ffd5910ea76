import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { MESSAGE_MAX } from "../../protocol/objects.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import {
  createChannel,
  joinChannel,
  openBrowser,
  type Person,
  register,
  sendMessage,
  waitForMessage,
  waitUntilLive,
} from "./browser.ts";
import { relayTo } from "./relay.ts";

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
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

const composer = (page: Page) => page.getByLabel(/^Message to/);
const editBox = (page: Page) => page.getByLabel("Edit the message");

/** Opens the edit box of the own message with this text, which the page shows. */
async function beginEdit(page: Page, text: string) {
  const row = page.locator("[data-message]").filter({ has: page.locator("[data-text]", { hasText: text }) });
  await row.hover();
  await row.getByRole("button", { name: "Edit" }).click();
  await editBox(page).waitFor();
  return editBox(page);
}

/** A character that is being composed, as an input method has it in the focused field. */
async function compose(page: Page, text: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
}

test("keys that an input method uses while it composes neither send, nor save, nor close, in the composer, a reply and the edit box", async () => {
  const { page } = ada;
  await sendMessage(ada, "first line");
  await waitForMessage(ada, "first line");
  const composing = async (box: ReturnType<typeof composer>, key: string) => {
    await box.focus();
    await compose(page, "にほん");
    await page.keyboard.press(key);
    expect(await box.inputValue()).toContain("にほん");
    // Safari sends the key's event after it has ended the composition.
    for (const isComposing of [true, false])
      await box.evaluate(
        (element, init) =>
          element.dispatchEvent(new KeyboardEvent("keydown", { ...init, keyCode: 229 } as KeyboardEventInit)),
        { key, isComposing, bubbles: true, cancelable: true },
      );
    expect(await box.inputValue()).toContain("にほん");
  };
  const edit = await beginEdit(page, "first line");
  for (const key of ["Enter", "Escape"]) await composing(edit, key);
  expect(await page.getByText("Discard your changes?").count()).toBe(0);
  await edit.fill("first line, changed");
  await edit.press("Enter");
  await waitForMessage(ada, "first line, changed");

  await page.locator("[data-message]", { hasText: "first line, changed" }).hover();
  await page.getByRole("button", { name: "Reply" }).click();
  for (const key of ["Enter", "Escape"]) await composing(composer(page), key);
  await page.getByText("Reply to ada").waitFor();
  await composer(page).fill("replied");
  await composer(page).press("Enter");
  await waitForMessage(ada, "replied");
}, 60_000);

test("an unsaved edit is not lost by Escape, by another edit or by a reload, until the user discards it", async () => {
  const { page } = ada;
  await sendMessage(ada, "second line");
  await waitForMessage(ada, "second line");
  let edit = await beginEdit(page, "second line");
  await edit.press("Escape");
  await edit.waitFor({ state: "detached" });

  edit = await beginEdit(page, "second line");
  await edit.fill("second line, half chang");
  await edit.press("Escape");
  await page.getByText("Discard your changes?").waitFor();
  await page.getByRole("button", { name: "Keep editing" }).and(page.locator(":focus")).press("Escape");
  expect(await edit.inputValue()).toBe("second line, half chang");
  await edit.and(page.locator(":focus")).waitFor();

  await beginEdit(page, "first line, changed");
  await page.goto(path);
  await waitUntilLive(ada);
  edit = await beginEdit(page, "second line");
  expect(await edit.inputValue()).toBe("second line, half chang");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Discard" }).click();
  await edit.waitFor({ state: "detached" });
  edit = await beginEdit(page, "second line");
  expect(await edit.inputValue()).toBe("second line");
  await edit.press("Escape");
}, 60_000);

test("on a touch screen Enter begins a line in the composer and in the edit box, and the button sends", async () => {
  const context = await browser.newContext({
    baseURL: app.url,
    storageState: await ada.context.storageState(),
    viewport: { width: 390, height: 760 },
    hasTouch: true,
    isMobile: true,
  });
  const page = await context.newPage();
  await page.goto(path);
  await waitUntilLive({ ...ada, page });
  await composer(page).tap();
  await page.keyboard.type("by thumb");
  await page.keyboard.press("Enter");
  await page.keyboard.type("and so on");
  expect(await composer(page).inputValue()).toBe("by thumb\nand so on");
  await page.getByRole("button", { name: "Send" }).tap();
  await waitForMessage({ ...ada, page }, "and so on");
  const row = page.locator("[data-message]", { hasText: "by thumb" });
  await row.tap();
  await row.getByRole("button", { name: "Edit" }).tap();
  await editBox(page).and(page.locator(":focus")).waitFor();
  await editBox(page).press("Enter");
  await page.keyboard.type("in a third line");
  expect(await editBox(page).inputValue()).toBe("by thumb\nand so on\nin a third line");
  await page.getByRole("button", { name: "Save" }).tap();
  await waitForMessage({ ...ada, page }, "in a third line");
  await context.close();
}, 60_000);

test("near its limit a text is counted, and beyond it a sentence says what to do and no text is lost", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  const over = "x".repeat(MESSAGE_MAX + 100);
  const box = composer(page);
  await box.fill(over.slice(0, MESSAGE_MAX - 120));
  await page.getByText("120 characters left").waitFor();
  await box.fill(over);
  await page.getByText("100 characters too long: at most 8,000 are allowed.").waitFor();
  await box.press("Enter");
  expect(await box.inputValue()).toBe(over);
  await box.fill("short");
  await page.getByText("characters").waitFor({ state: "detached" });
  await box.press("Enter");
  await waitForMessage(ada, "short");

  const edit = await beginEdit(page, "short");
  await edit.fill(over);
  await page.getByText("100 characters too long: at most 8,000 are allowed.").waitFor();
  await edit.press("Enter");
  expect(await edit.inputValue()).toBe(over);
  expect(await page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
  await edit.fill("short");
  await edit.press("Escape");

  await page.goto(`${path}/about`);
  const topic = page.getByLabel("Topic");
  const long = "y".repeat(260);
  await topic.fill(long.slice(0, 240));
  await page.getByText("10 characters left").waitFor();
  // Pasted: what is typed beyond the limit of an input is cut off silently.
  await topic.fill("");
  await topic.focus();
  await page.keyboard.insertText(long);
  expect(await topic.inputValue()).toBe(long);
  await page.getByText("10 characters too long: at most 250 are allowed.").waitFor();
}, 60_000);

test("what is typed before the scripts are loaded is preserved and counted afterwards, and the cursor stays where it was", async () => {
  const { page } = ada;
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.route("**/assets/*.js", async (route) => {
    await promise;
    await route.continue();
  });
  const arriving = page.goto(`${path}/about`);
  const topic = page.getByLabel("Topic");
  await topic.fill("y".repeat(240));
  resolve();
  await arriving;
  await waitUntilLive(ada);
  await page.getByText("10 characters left").waitFor();
  await page.keyboard.insertText("zz");
  expect(await topic.inputValue()).toBe(`${"y".repeat(240)}zz`);
  await page.unroute("**/assets/*.js");
}, 60_000);

test("a text runs as its language does, in the composer, a message, each paragraph of it, its quote and its edit box", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  const readDirection = (locator: ReturnType<Page["locator"]>) =>
    locator.evaluate((element) => ({
      direction: getComputedStyle(element).direction,
      // Where its first letter is: at the right edge for a text that runs from right to left.
      isAtRight: (() => {
        const range = document.createRange();
        const text = document.createTreeWalker(element, NodeFilter.SHOW_TEXT).nextNode();
        if (!text) return null;
        range.setStart(text, 0);
        range.setEnd(text, 1);
        const { left, right } = element.getBoundingClientRect();
        const letter = range.getBoundingClientRect();
        return right - letter.right < letter.left - left;
      })(),
    }));
  const box = composer(page);
  await box.fill("مرحبا بالعالم!");
  expect((await readDirection(box)).direction).toBe("rtl");
  await box.press("Enter");
  await waitForMessage(ada, "مرحبا");
  const arabic = page.locator("[data-message]").filter({ hasText: "مرحبا بالعالم!" });
  expect(await readDirection(arabic.locator("[data-text]").locator(".."))).toEqual({
    direction: "rtl",
    isAtRight: true,
  });

  await sendMessage(ada, "short, in English");
  await waitForMessage(ada, "short, in English");
  const english = page.locator("[data-message]").filter({ hasText: "short, in English" });
  expect(await readDirection(english.locator("[data-text]").locator(".."))).toEqual({
    direction: "ltr",
    isAtRight: false,
  });

  await arabic.hover();
  await arabic.getByRole("button", { name: "Reply" }).click();
  await sendMessage(ada, "שלום, עולם.\nand a line in English");
  await waitForMessage(ada, "שלום");
  const result = page.locator("[data-message]").filter({ hasText: "and a line in English" });
  expect((await readDirection(result.locator("a span[dir]").last())).direction).toBe("rtl");
  const lines = await result.locator("[data-text]").evaluate((element) => {
    const text = element.firstChild as Text;
    return text.data.split("\n").map((line) => {
      const range = document.createRange();
      const at = text.data.indexOf(line);
      range.setStart(text, at);
      range.setEnd(text, at + line.length);
      return range.getBoundingClientRect().left;
    });
  });
  expect(lines[0]).toBeGreaterThan((lines[1] ?? 0) + 100);
  const edit = await beginEdit(page, "שלום");
  expect((await readDirection(edit)).direction).toBe("rtl");
  await edit.press("Escape");
}, 60_000);

test("a user who replies to a message that is deleted meanwhile sees a notice and its text no longer, and sends what they wrote", async () => {
  const { page } = ada;
  const bo = await register(browser, app.url, "bo");
  await joinChannel(bo, path);
  await waitUntilLive(bo);
  await sendMessage(ada, "come at seven");
  await waitForMessage(bo, "come at seven");
  await bo.page.locator("[data-message]").last().focus();
  await bo.page.keyboard.press("r");
  await bo.page.getByText("Reply to ada:").waitFor();
  await composer(bo.page).fill("I will be late");
  const row = page.locator("[data-message]").last();
  await row.focus();
  await page.keyboard.press("e");
  await editBox(page).fill("come at eight");
  await page.keyboard.press("Enter");
  await bo.page
    .locator("form", { has: composer(bo.page) })
    .getByText("come at eight")
    .waitFor();
  await row.focus();
  await page.keyboard.press("Delete");
  await page.getByRole("button", { name: "Delete", exact: true }).last().click();

  await bo.page.getByText("The message you were replying to was deleted.").waitFor();
  expect(await bo.page.getByText("Reply to ada:").count()).toBe(0);
  expect(await bo.page.getByText("come at eight").count()).toBe(0);
  await composer(bo.page).press("Enter");
  await waitForMessage(ada, "I will be late");
  expect(bo.errors).toEqual([]);
  await bo.context.close();
}, 60_000);

test("a user who opens another page while the server is away sees so on it, and continues where they were", async () => {
  const relay = await relayTo(app.url);
  const { context } = ada;
  const page = await context.newPage();
  await page.goto(`${relay.url}${path}`);
  await waitUntilLive({ ...ada, page });
  await composer(page).fill("not lost");
  await page.locator('link[rel=modulepreload][href*="channel-browse"]').waitFor({ state: "attached" });
  await page.waitForLoadState("networkidle");
  relay.cut();
  await page.getByText("Not connected").waitFor();
  for (const name of ["Browse channels", "New message"]) {
    await page.getByRole("link", { name }).last().click();
    await page.getByRole("heading", { name: "No connection to the server" }).waitFor();
    expect(await page.getByRole("navigation").first().isVisible()).toBe(true);
  }
  relay.restore();
  await page.getByText("Not connected").waitFor({ state: "detached", timeout: 30_000 });
  await page.getByRole("link", { name: "general", exact: true }).click();
  await page.waitForFunction(() => document.querySelector("textarea")?.value === "not lost");
  await composer(page).fill("");
  await page.close();
  await relay.close();
}, 60_000);

test("a reply that is refused, as its original was deleted while no one was connected, goes back to the composer to be sent as a message", async () => {
  const { page } = ada;
  const relay = await relayTo(app.url);
  const cy = await register(browser, relay.url, "cy");
  await joinChannel(cy, path);
  await waitUntilLive(cy);
  await sendMessage(ada, "who brings the ladder?");
  await waitForMessage(cy, "who brings the ladder?");
  await cy.page.locator("[data-message]").last().focus();
  await cy.page.keyboard.press("r");
  relay.cut();
  await cy.page.getByText("Not connected").waitFor();
  await sendMessage(cy, "the ladder is with me");
  await composer(cy.page).fill("half a");
  const row = page.locator("[data-message]", { hasText: "who brings the ladder?" });
  await row.focus();
  await page.keyboard.press("Delete");
  await page.getByRole("button", { name: "Delete", exact: true }).last().click();
  await page.locator("[data-message]", { hasText: "who brings the ladder?" }).waitFor({ state: "detached" });

  relay.restore();
  const refused = cy.page.getByRole("alert").filter({ hasText: "Not sent. The message that this replies to" });
  await refused.waitFor({ timeout: 30_000 });
  // The same again would be refused again.
  expect(await refused.getByRole("button").allInnerTexts()).toEqual(["Edit", "Discard"]);
  await cy.page.reload();
  await waitUntilLive(cy);
  await refused.getByRole("button", { name: "Edit" }).click();
  await refused.waitFor({ state: "detached" });
  // What stood in the composer is not lost either.
  expect(await composer(cy.page).inputValue()).toBe("half a\nthe ladder is with me");
  await composer(cy.page).and(cy.page.locator(":focus")).press("Enter");
  await waitForMessage(ada, "the ladder is with me");
  expect(cy.errors).toEqual([]);
  await cy.context.close();
  await relay.close();
}, 60_000);

test("a user who edits a message that was edited meanwhile in another window is shown its current text", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  await sendMessage(ada, "doors at nine");
  await waitForMessage(ada, "doors at nine");
  const second = await ada.context.newPage();
  await second.goto(path);
  await waitUntilLive({ ...ada, page: second });
  const mine = await beginEdit(second, "doors at nine");
  await mine.fill("doors at ten");
  const other = await beginEdit(page, "doors at nine");
  await other.fill("doors at half past nine");
  await other.press("Enter");

  await second.getByText("This message was edited in another window").waitFor();
  await second.locator("q", { hasText: "doors at half past nine" }).waitFor();
  expect(await mine.inputValue()).toBe("doors at ten");
  await mine.press("Enter");
  await page.locator("[data-text]", { hasText: "doors at ten" }).waitFor();
  expect(await second.getByText("was edited in another window").count()).toBe(0);
  await second.close();
}, 60_000);

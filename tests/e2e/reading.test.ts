import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { createClient } from "../../sdk/client.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";
import {
  createChannel,
  joinChannel,
  openBrowser,
  PASSWORD,
  type Person,
  register,
  sendMessage,
  waitForMessage,
  waitUntilLive,
} from "./browser.ts";

let app: TestApp;
let browser: Browser;
let ada: Person;
let bo: Person;
let path: string;
let post: (content: string, channelId?: string) => Promise<unknown>;

beforeAll(async () => {
  app = await startTestApp();
  browser = await openBrowser();
  ada = await register(browser, app.url, "ada");
  bo = await register(browser, app.url, "bo");
  path = await createChannel(ada, "general");
  await joinChannel(bo, path);
  const { access_token } = await createClient({ url: app.url }).rest.auth.login({ username: "bo", password: PASSWORD });
  const { rest } = createClient({ url: app.url, token: access_token });
  post = (content, channelId = path.split("/").at(-1) ?? "") =>
    rest.messages.send(channelId, { content, client_id: crypto.randomUUID() });
  for (let n = 1; n <= 400; n += 1) await post(`line ${n}.${n % 7 === 0 ? "\nand more" : ""}`);
  await waitForMessage(ada, "line 400.", 60_000);
  await waitUntil("all of it is read", async () => (await unreadOnServer(ada)) === 0);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

/** The first fully visible message and its distance from the top, in px. */
function firstInSight(page: Page) {
  return page.evaluate(() => {
    const box = document.querySelector("section[aria-label=Messages]");
    const top = box?.getBoundingClientRect().top ?? 0;
    const row = [...(box?.querySelectorAll("[data-message]") ?? [])].find(
      (each) => each.getBoundingClientRect().top >= top,
    );
    return { id: row?.id ?? "", y: row?.getBoundingClientRect().top ?? 0 };
  });
}

function measureTop(page: Page, id: string) {
  return page.evaluate((name) => document.getElementById(name)?.getBoundingClientRect().top ?? Number.NaN, id);
}

test("history loads in both directions while the line being read stays where it is", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  await page.getByRole("link", { name: "general", exact: true }).waitFor();
  const box = page.getByRole("region", { name: "Messages" });
  const count = () => page.locator("[data-message]").count();
  let loads = 0;
  for (let tries = 0; tries < 200 && !(await page.getByText("line 1.", { exact: true }).isVisible()); tries += 1) {
    const before = await count();
    await box.evaluate((element) => {
      element.scrollTop -= 500;
    });
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    const seen = await firstInSight(page);
    if ((await count()) === before) await page.waitForTimeout(20);
    if ((await count()) !== before) loads += 1;
    expect(Math.abs((await measureTop(page, seen.id)) - seen.y)).toBeLessThan(1.5);
  }
  expect(loads).toBeGreaterThan(2);
  expect(await count()).toBeLessThanOrEqual(300);
  await page.getByText("This is the beginning of the conversation.").waitFor();

  const first = await firstInSight(page);
  for (let n = 0; n < 5; n += 1) await post(`meanwhile ${n}\nwith two lines`);
  await page.getByRole("button", { name: "5 new" }).waitFor();
  expect(Math.abs((await measureTop(page, first.id)) - first.y)).toBeLessThan(1.5);

  await page.getByRole("button", { name: "5 new" }).click();
  await waitForMessage(ada, "meanwhile 4");
  await page.getByRole("button", { name: /new|Latest/ }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "general", exact: true }).waitFor();
}, 120_000);

test("a channel with much unread opens at the first unread message, and is read as far as it was seen", async () => {
  const { page } = ada;
  await page.goto("/channels");
  await waitUntilLive(ada);
  for (let n = 0; n < 40; n += 1) await post(`unread ${n}.`);
  const link = page.getByRole("link", { name: /general/ });
  await page.getByRole("link", { name: "general 40 unread" }).waitFor();
  expect(await page.title()).toBe("(40) Channels · Usher");
  await link.click();
  await page.locator("[data-message]", { hasText: "unread 0." }).waitFor();
  expect(await page.getByText("New messages").isVisible()).toBe(true);
  const pill = page.getByRole("button", { name: /^\d+ new$/ });
  await waitUntil("what is visible is read", async () => Number.parseInt((await pill.textContent()) ?? "", 10) < 40);
  await pill.click();
  await page.getByRole("link", { name: "general", exact: true }).waitFor();
  await page.waitForFunction(() => document.title === "#general · Usher");
  await page.reload();
  await page.getByRole("link", { name: "general", exact: true }).waitFor();
}, 60_000);

test("a channel of which nothing was read opens at its first message, and the others stay unread", async () => {
  const { page } = ada;
  const quiet = await createChannel(ada, "quiet");
  await page.goto("/channels");
  await joinChannel(bo, quiet);
  const id = quiet.split("/").at(-1) ?? "";
  for (let n = 0; n < 120; n += 1) await post(`news ${n}.`, id);
  await page.goto(quiet);
  await waitUntilLive(ada);
  await page.locator("[data-message]", { hasText: "news 0." }).waitFor();
  expect(await page.locator("li", { hasText: /^New messages$/ }).isVisible()).toBe(true);
  const pill = page.getByRole("button", { name: /new$/ });
  await pill.waitFor();
  await page.reload();
  // What was read is what was seen: it opens there again.
  await page.locator("li", { hasText: /^New messages$/ }).waitFor();
  await pill.click();
  await waitForMessage(ada, "news 119.");
  await pill.waitFor({ state: "detached" });
  await page.getByRole("link", { name: "quiet", exact: true }).waitFor();
  await waitUntil("all of it is read", async () => (await unreadOnServer(ada, quiet)) === 0);
}, 60_000);

/** Every title and every unread count beside the channel's name that a page shows from now on. */
function watchCounts(page: Page): Promise<() => Promise<string[]>> {
  return page
    .evaluate(() => {
      const shown = new Set<string>();
      const look = () => {
        shown.add(document.title);
        shown.add(document.querySelector("nav a[aria-current=page]")?.textContent ?? "");
      };
      look();
      new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
      Object.assign(window, { shown });
    })
    .then(() => () => page.evaluate(() => [...(window as unknown as { shown: Set<string> }).shown]));
}

const unreadOnServer = async ({ context }: Person, at = path): Promise<number> =>
  (await (await context.request.get(`/api/v1${at}`)).json()).unread;

test("a message that arrives in view is read at once and never counted, however quickly it comes", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  const counts = await watchCounts(page);
  for (let n = 0; n < 5; n += 1) await post(`quick ${n}.`);
  await waitForMessage(ada, "quick 4.");
  await waitUntil("the server knows", async () => (await unreadOnServer(ada)) === 0);
  expect((await counts()).filter((text) => /\d|unread/.test(text))).toEqual([]);

  // In a room that is never quiet, too.
  let isBusy = true;
  const chatter = (async () => {
    for (let n = 0; isBusy; n += 1) {
      await post(`busy ${n}.`);
      await Bun.sleep(100);
    }
  })();
  await waitForMessage(ada, "busy 3.");
  const lastRead = async () => (await (await ada.context.request.get(`/api/v1${path}`)).json()).last_read_id;
  const before = await lastRead();
  await waitUntil("the mark goes on while people write", async () => (await lastRead()) !== before);
  isBusy = false;
  await chatter;
  await waitUntil("the server knows", async () => (await unreadOnServer(ada)) === 0);
  expect((await counts()).filter((text) => /\d|unread/.test(text))).toEqual([]);
}, 60_000);

test("a message that arrives just after a scroll up is counted as new", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  const box = await page.getByRole("region", { name: "Messages" }).boundingBox();
  await page.mouse.move((box?.x ?? 0) + 300, (box?.y ?? 0) + 200);
  await page.mouse.wheel(0, -400);
  // Immediately: before the page can react.
  await page.waitForFunction(() => (document.querySelector("section[aria-label=Messages]")?.scrollTop ?? 0) < -200);
  await post("just missed it.");
  await page.getByRole("button", { name: "1 new" }).click();
  await page.getByRole("button", { name: /new|Latest/ }).waitFor({ state: "detached" });
  await waitUntil("it is read", async () => (await unreadOnServer(ada)) === 0);
}, 30_000);

test("each scroll by itself updates what is in sight, what is new and what is read", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  // Outside the list: a pointer over another message renders the list, which updates what is in sight as well.
  await page.mouse.move(0, 0);
  const box = page.getByRole("region", { name: "Messages" });
  const scrollTo = (top: number) =>
    box.evaluate((element, to) => {
      element.scrollTop = to;
    }, top);
  await scrollTo(-200);
  await page.getByRole("button", { name: "Latest" }).waitFor();
  await post("below the fold.");
  await page.getByRole("button", { name: "1 new" }).waitFor();
  expect(await unreadOnServer(ada)).toBe(1);
  await scrollTo(0);
  await page.getByRole("button", { name: /new|Latest/ }).waitFor({ state: "detached" });
  await waitUntil("it is read", async () => (await unreadOnServer(ada)) === 0);
}, 30_000);

test("a user who leaves a phone's screen half read has read what they saw, and the remaining messages are still new", async () => {
  const { page } = ada;
  await page.goto("/channels");
  await waitUntilLive(ada);
  for (let n = 0; n < 9; n += 1) await post(`tall ${n}.${"\nline".repeat(5)}`);
  await page.getByRole("link", { name: "general 9 unread" }).waitFor();
  await page.setViewportSize({ width: 390, height: 760 });
  await page.getByRole("link", { name: /general/ }).click();
  await page.locator("[data-message]", { hasText: "tall 0." }).waitFor();
  const seen = await page.evaluate(() => {
    const bottom = document.querySelector("section[aria-label=Messages]")?.getBoundingClientRect().bottom ?? 0;
    const texts = [...document.querySelectorAll("[data-message] [data-text]")];
    return texts.filter((text) => /^tall/.test(text.textContent ?? "") && text.getBoundingClientRect().bottom <= bottom)
      .length;
  });
  expect(seen).toBeGreaterThan(2);
  expect(seen).toBeLessThan(9);
  await page.getByRole("link", { name: "Back to the channels" }).click();
  await page.getByRole("link", { name: `general ${9 - seen} unread` }).waitFor();
  await waitUntil("the server knows", async () => (await unreadOnServer(ada)) === 9 - seen);
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.goto(path);
  await page.getByRole("button", { name: /new/ }).click();
  await waitUntil("all is read", async () => (await unreadOnServer(ada)) === 0);
}, 60_000);

test("a user who writes while reading old messages sees their own at the end", async () => {
  const { page } = ada;
  await page.goto(path);
  await waitUntilLive(ada);
  await page.getByRole("region", { name: "Messages" }).evaluate((element) => {
    element.scrollTop = -3_000;
  });
  await page.getByRole("button", { name: "Latest" }).waitFor();
  await sendMessage(ada, "from far above");
  await page.getByRole("button", { name: "Latest" }).waitFor({ state: "detached" });
  expect(await page.locator("[data-message]").last().textContent()).toContain("from far above");
  expect(await page.locator("[data-message]").last().isVisible()).toBe(true);
}, 30_000);

test("everything in a conversation can be done from the keyboard", async () => {
  const { page } = bo;
  await page.goto(path);
  await waitUntilLive(bo);
  await sendMessage(bo, "writen in a hurry");
  await waitForMessage(bo, "writen in a hurry");
  await page.keyboard.press("ArrowUp");
  await page.getByLabel("Edit the message").waitFor();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("written in a hurry");
  await page.keyboard.press("Enter");
  await waitForMessage(bo, "written in a hurry");
  await page
    .getByLabel(/^Message to/)
    .and(page.locator(":focus"))
    .waitFor();

  await page.getByRole("region", { name: "Messages" }).focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("r");
  await page.getByText("Reply to bo:").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Reply to bo:").waitFor({ state: "detached" });

  await page.getByRole("region", { name: "Messages" }).focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Delete");
  await page.keyboard.press("Enter");
  await page.locator("[data-message]", { hasText: "This message was deleted." }).waitFor();
}, 60_000);

test("Enter during the composition of a character does not send", async () => {
  const { page } = bo;
  await page.goto(path);
  await waitUntilLive(bo);
  const box = page.getByLabel(/^Message to/);
  await box.fill("にほん");
  await box.dispatchEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true });
  expect(await box.inputValue()).toBe("にほん");
  await box.press("Enter");
  await waitForMessage(bo, "にほん");
}, 30_000);

test("the colour scheme is set before the first paint", async () => {
  const context = await browser.newContext({ baseURL: app.url, colorScheme: "dark" });
  const page = await context.newPage();
  // The first paint: the body with the scripts of the page still on their way.
  await page.route("**/assets/*.js", () => {});
  await page.goto("/login", { waitUntil: "commit" });
  const painted = await page.waitForFunction(() => {
    const colour = document.body && getComputedStyle(document.body).backgroundColor;
    // Transparent: the style sheet, which holds the paint back, is not there yet.
    return colour && colour !== "rgba(0, 0, 0, 0)" ? colour : null;
  });
  const ground = await painted.jsonValue();
  expect(ground).toBe("rgb(27, 25, 23)");
  await context.close();
}, 30_000);

import { afterAll, beforeAll, expect, test } from "bun:test";
import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import {
  createChannel,
  joinChannel,
  openBrowser,
  type Person,
  register,
  sendMessage,
  waitUntilLive,
} from "./browser.ts";
import { findSmallTargets, findTightButtons } from "./touch-targets.ts";

/** Every page as the owner of a server with something in it sees it. */
let app: TestApp;
let browser: Browser;
let ada: Person;
let phone: BrowserContext;
let paths: string[];

beforeAll(async () => {
  app = await startTestApp({ WEBHOOKS_ALLOW_PRIVATE: "true" });
  browser = await openBrowser();
  ada = await register(browser, app.url, "ada");
  const channel = await createChannel(ada, "general");
  const post = async (path: string, data: object) => {
    const result = await ada.context.request.post(`/api/v1${path}`, { data, headers: { origin: app.url } });
    expect([path, result.status()]).toEqual([path, 201]);
    return result.json();
  };
  const id = channel.split("/").at(-1);
  const first = await post(`/channels/${id}/messages`, { content: "Doors at seven. See https://example.org/plan" });
  await post(`/channels/${id}/messages`, { content: "Thank you.", reply_to_id: first.id });
  const bo = await register(browser, app.url, "bo");
  await joinChannel(bo, channel);
  await sendMessage(bo, "I bring the ladder.");
  await post("/service-tokens", { name: "booking", scopes: ["notify"] });
  await post("/registration-invites", { max_uses: 2 });
  await post("/admin/bans", { ip_range: "203.0.113.0/24", reason: "a flood" });
  const database = openDatabase(app.databaseUrl, { max: 1 });
  await database.sql`
    INSERT INTO webhook_parked (room, seq, epoch, event_type, reason)
    VALUES (${`channel:${id}`}, 3, 'e', 'message:created', 'a rule of the database refused it')`;
  await database.close();
  const endpoint = await post("/webhook-endpoints", { url: "http://127.0.0.1:9/u", event_types: ["*"], rooms: ["*"] });
  paths = [
    ...["/channels", channel, `${channel}/members`, `${channel}/about`, "/channels/new", "/channels/browse"],
    ...["/direct", "/settings", "/nowhere"],
    ...["", "/connections", "/rooms", "/traces", "/people", "/invitations", "/bans", "/tokens", "/webhooks"].map(
      (path) => `/admin${path}`,
    ),
    ...[`/admin/webhooks/${endpoint.id}`, "/admin/settings", "/admin/audit-log"],
  ];
  phone = await browser.newContext({
    baseURL: app.url,
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
    storageState: await ada.context.storageState(),
  });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

/** Opens the menus and questions of the page, each kind once. */
async function unfold(page: Page): Promise<void> {
  await page.evaluate(() => {
    for (const name of ["menu", "confirm", "question"]) {
      const first = document.querySelector<HTMLDetailsElement>(`details[name=${name}]`);
      if (first) first.open = true;
    }
  });
}

test("on a phone everything that is pressed is at least 44 px wide and high, and no text touches a button's border", async () => {
  const page = await phone.newPage();
  expect(await page.evaluate(() => matchMedia("(pointer: coarse)").matches)).toBe(true);
  const small: Record<string, string[]> = {};
  for (const path of paths) {
    await page.goto(path);
    await waitUntilLive({ ...ada, page });
    await unfold(page);
    const message = page.locator("[data-message]").last();
    if (await message.isVisible()) await message.tap();
    const found = [...(await findSmallTargets(page)), ...(await findTightButtons(page))];
    if (found.length > 0) small[path] = found;
  }
  const visitor = await (
    await browser.newContext({
      baseURL: app.url,
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
    })
  ).newPage();
  for (const path of ["/login", "/register", "/reset", "/reset/none", "/nowhere"]) {
    await visitor.goto(path);
    const found = [...(await findSmallTargets(visitor)), ...(await findTightButtons(visitor))];
    if (found.length > 0) small[path] = found;
  }
  expect(small).toEqual({});
  await visitor.context().close();
  await page.close();
}, 240_000);

test("on a phone no page is wider than the screen", async () => {
  const page = await phone.newPage();
  for (const path of paths) {
    await page.goto(path);
    await unfold(page);
    expect([path, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([path, 390]);
  }
  await page.close();
}, 120_000);

test("axe finds nothing wrong on any page, in light and in dark", async () => {
  const wrong: Record<string, string[]> = {};
  for (const colorScheme of ["light", "dark"] as const) {
    const context = await browser.newContext({
      baseURL: app.url,
      colorScheme,
      bypassCSP: true,
      storageState: await ada.context.storageState(),
    });
    const page = await context.newPage();
    for (const path of paths) {
      await page.goto(path);
      await waitUntilLive({ ...ada, page });
      await unfold(page);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => (window as unknown as { axe: typeof axe }).axe.run());
      if (violations.length > 0)
        wrong[`${path} ${colorScheme}`] = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`);
    }
    await context.close();
  }
  expect(wrong).toEqual({});
}, 240_000);

test("admins read the names of rooms, each with a link, and no numbers", async () => {
  const { page } = ada;
  for (const path of ["/admin", "/admin/rooms", "/admin/connections"]) {
    await page.goto(path);
    const link = page.getByRole("table").getByRole("link", { name: "#general" }).first();
    expect(await link.getAttribute("href")).toBe(paths[1]!);
    expect(await page.getByRole("main").textContent()).not.toMatch(/channel:\d/);
  }
}, 60_000);

test("a hint leads to the setting that it names", async () => {
  const { page } = ada;
  await page.goto("/admin/invitations");
  await page.getByRole("link", { name: "Change registration" }).click();
  await page.waitForURL(/#REGISTRATION$/);
  await page.locator("#REGISTRATION:focus").getByText("Who may register").waitFor();
}, 60_000);

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { startTestApp, type TestApp } from "../support/app.ts";
import {
  createChannel,
  joinChannel,
  openBrowser,
  PASSWORD,
  register,
  sendMessage,
  waitForMessage,
  waitUntilLive,
} from "./browser.ts";
import { type Relay, relayTo } from "./relay.ts";

let app: TestApp;
let browser: Browser;
let relay: Relay;

beforeAll(async () => {
  app = await startTestApp();
  browser = await openBrowser();
  // Cookies do not distinguish ports: a tab on the relay and one on the server itself are of one browser, and only one is cut.
  relay = await relayTo(app.url);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await relay?.close();
  await app?.close();
}, 30_000);

async function signIn(page: Page, origin: string, name: string): Promise<void> {
  await page.goto(`${origin}/login`);
  await page.getByLabel("E-mail or username").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL((address) => address.pathname !== "/login");
}

test("a tab that reconnects as another person is loaded again for that one, and its draft stays with its author", async () => {
  const bob = await register(browser, app.url, "bob");
  const ann = await register(browser, relay.url, "ann");
  const path = await createChannel(ann, "diary");
  await joinChannel(bob, path);
  await waitUntilLive(ann);
  relay.cut();
  await sendMessage(ann, "ann's own words");
  const other = await ann.context.newPage();
  await signIn(other, app.url, "bob");
  relay.restore();
  await ann.page.getByText("bob", { exact: true }).first().waitFor({ timeout: 30_000 });
  await waitUntilLive(ann);
  expect(new URL(ann.page.url()).pathname).toBe(path);
  expect(await ann.page.getByText("ann's own words").count()).toBe(0);

  await signIn(ann.page, relay.url, "ann");
  await ann.page.goto(relay.url + path);
  await waitForMessage(ann, "ann's own words");
  await waitForMessage(bob, "ann's own words");
  const author = bob.page.locator("[data-message]", { hasText: "ann's own words" });
  await author.getByText("ann", { exact: true }).waitFor();
  await bob.context.close();
  await ann.context.close();
}, 90_000);

test("signing in over a live session in another tab loads this one for the new person", async () => {
  const cid = await register(browser, app.url, "cid");
  const dee = await register(browser, app.url, "dee");
  await dee.context.close();
  await waitUntilLive(cid);
  const second = await cid.context.newPage();
  await signIn(second, app.url, "dee");
  await cid.page.locator("footer", { hasText: "dee" }).waitFor();
  await waitUntilLive(cid);
  expect(cid.errors).toEqual([]);
  await cid.context.close();
}, 60_000);

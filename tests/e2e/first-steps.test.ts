import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { startTestApp, type TestApp } from "../support/app.ts";
import { createChannel, joinChannel, openBrowser, type Person, register, waitUntilLive } from "./browser.ts";

let app: TestApp;
let browser: Browser;
let ada: Person;

beforeAll(async () => {
  app = await startTestApp();
  browser = await openBrowser();
  ada = await register(browser, app.url, "ada");
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

test("a new owner is led to the first channel, an invitation and the first person, until all is done", async () => {
  const { page } = ada;
  const steps = page.getByRole("region", { name: "Getting started" });
  const open = () => steps.getByRole("link").allInnerTexts();
  await steps.waitFor();
  expect(await open()).toEqual(["Create the first channel", "Create an invitation", "Welcome the first person"]);
  await page.goto("/direct");
  await page.getByText("No one else is here yet.").waitFor();
  await createChannel(ada, "general");
  await steps.getByText("Create the first channel (done)").waitFor();
  expect(await open()).toEqual(["Create an invitation", "Welcome the first person"]);
  await steps.getByRole("link", { name: "Create an invitation" }).click();
  await page.getByRole("button", { name: "Create invitation" }).click();
  await steps.getByText("Create an invitation (done)").waitFor();
  await register(browser, app.url, "bo");
  await page.reload();
  await waitUntilLive(ada);
  expect(await steps.count()).toBe(0);
}, 60_000);

test("a user who dismisses the first steps does not see them again, and only an owner sees them", async () => {
  const other = await startTestApp();
  const cy = await register(browser, other.url, "cy");
  const steps = cy.page.getByRole("region", { name: "Getting started" });
  await steps.getByRole("button", { name: "Dismiss this list" }).click();
  await steps.waitFor({ state: "detached" });
  await cy.page.goto("/settings");
  await waitUntilLive(cy);
  expect(await steps.count()).toBe(0);
  const dee = await register(browser, other.url, "dee");
  expect(await dee.page.getByRole("region", { name: "Getting started" }).count()).toBe(0);
  await Promise.all([cy.context.close(), dee.context.close()]);
  await other.close();
}, 60_000);

test("one link of the sidebar is marked as the current page, in the list of direct chats too", async () => {
  const { page } = ada;
  const current = page.getByRole("navigation", { name: "Channels" }).locator("[aria-current]");
  for (const [path, text] of [
    ["/direct", "New message"],
    ["/channels/browse", "Browse channels"],
  ] as const) {
    await page.goto(path);
    expect([path, await current.allInnerTexts()]).toEqual([path, [text]]);
  }
  await page.goto("/channels/new");
  expect([await current.count(), await current.getAttribute("aria-label")]).toEqual([1, "Create a channel"]);
  // With a direct chat the list has no such link, and the icon above it is the current one.
  const fay = await register(browser, app.url, "fay");
  await fay.page.goto("/direct?q=ada");
  await fay.page.getByRole("button", { name: "Message ada" }).click();
  await fay.page.waitForURL(/\/channels\/\d+$/);
  await fay.page.goto("/direct");
  const icon = fay.page.getByRole("navigation", { name: "Channels" }).locator("[aria-current]");
  expect([await icon.count(), await icon.getAttribute("aria-label")]).toEqual([1, "New message"]);
  await fay.context.close();
}, 60_000);

test("the front page opens the channel of the last visit, another one when it was left, and the list for a user without channels", async () => {
  const bo = await register(browser, app.url, "eve");
  const [one, two] = [await createChannel(ada, "one"), await createChannel(ada, "two")];
  const opens = async () => {
    await bo.page.goto("/");
    return new URL(bo.page.url()).pathname;
  };
  expect(await opens()).toBe("/channels");
  await joinChannel(bo, one);
  await joinChannel(bo, two);
  await bo.page.goto(one);
  await waitUntilLive(bo);
  expect(await opens()).toBe(one);
  await bo.page.goto(two);
  await waitUntilLive(bo);
  expect(await opens()).toBe(two);
  await bo.page.goto(`${two}/about`);
  await bo.page.getByRole("button", { name: "Leave the channel" }).click();
  await bo.page.waitForURL((address) => address.pathname === "/channels");
  expect(await opens()).toBe(one);
  expect(bo.errors).toEqual([]);
  await bo.context.close();
}, 60_000);

test("leaving a private channel asks first, since a user who leaves cannot come back on their own", async () => {
  const { page } = ada;
  await page.goto("/channels/new");
  await page.getByLabel("Name").fill("back office");
  await page.getByLabel(/Only people who are added/).check();
  await page.getByRole("button", { name: "Create the channel" }).click();
  await page.waitForURL(/\/channels\/\d+$/);
  const path = new URL(page.url()).pathname;
  await page.goto(`${path}/about`);
  await page.getByText("Leave the channel", { exact: true }).click();
  await page.getByText(/you can come back only when a member adds you again/).waitFor();
  await page.keyboard.press("Escape");
  expect(await page.getByText(/you can come back only/).isVisible()).toBe(false);
  expect(new URL(page.url()).pathname).toBe(`${path}/about`);
}, 60_000);

test("an unknown address is not found: within the pages for a signed-in user, alone for others", async () => {
  const response = await ada.page.goto("/nowhere/at/all");
  expect(response?.status()).toBe(404);
  await ada.page.getByRole("heading", { name: "Page not found" }).waitFor();
  await ada.page.getByRole("navigation", { name: "Channels" }).getByRole("link", { name: "general" }).waitFor();
  const visitor = await browser.newPage({ baseURL: app.url });
  expect((await visitor.goto("/nowhere/at/all"))?.status()).toBe(404);
  await visitor.getByRole("heading", { name: "Page not found" }).waitFor();
  expect(await visitor.getByRole("navigation").count()).toBe(0);
  await visitor.close();
}, 60_000);

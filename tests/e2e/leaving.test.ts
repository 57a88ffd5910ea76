import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { startTestApp, type TestApp } from "../support/app.ts";
import {
  createChannel,
  joinChannel,
  openBrowser,
  type Person,
  readMessages,
  register,
  sendMessage,
  waitForMessage,
  waitUntilLive,
} from "./browser.ts";

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

test("a removed member sees nothing more", async () => {
  const bo = await register(browser, app.url, "bo");
  const path = await createChannel(ada, "committee");
  await joinChannel(bo, path);
  await waitUntilLive(bo);
  await sendMessage(ada, "for members");
  await waitForMessage(bo, "for members");

  await ada.page.goto(`${path}/members`);
  await waitUntilLive(ada);
  await ada.page.getByLabel("Manage bo").click();
  await ada.page.getByRole("button", { name: "Remove bo" }).click();

  await bo.page.waitForURL((address) => address.pathname === "/channels");
  // They see a notice, on a phone too, where the list of channels is a page of its own; and the focus is there.
  await bo.page.setViewportSize({ width: 390, height: 844 });
  const heading = bo.page.getByRole("heading", { name: "You are no longer in that channel" });
  await heading.waitFor();
  expect(await heading.evaluate((element) => document.activeElement === element)).toBe(true);
  expect(await bo.page.getByText("for members").count()).toBe(0);
  await bo.page.getByRole("link", { name: "Go to your channels" }).click();
  await bo.page.getByRole("link", { name: "Browse channels" }).waitFor();
  expect(await bo.page.getByRole("link", { name: "committee" }).count()).toBe(0);
  await sendMessage(ada, "without bo");
  await waitForMessage(ada, "without bo");
  await bo.page.goto(path);
  await bo.page.getByRole("button", { name: "Join the channel" }).waitFor();
  expect(await readMessages(bo)).toEqual([]);
  await bo.context.close();
}, 60_000);

test("signing out in one tab closes the other", async () => {
  const cy = await register(browser, app.url, "cy");
  await waitUntilLive(cy);
  const second = await cy.context.newPage();
  await second.goto("/settings");
  await second.getByRole("button", { name: "Sign out", exact: true }).click();
  await second.waitForURL(/\/login/);
  await cy.page.waitForURL(/\/login\?ended=signed_out/);
  await cy.page.goto("/");
  await cy.page.waitForURL(/\/login/);
  await cy.context.close();
}, 60_000);

test("the open list of members is updated on joins, and finding people leaves the conversation as it is", async () => {
  const path = await createChannel(ada, "crew");
  await ada.page.goto(`${path}/members`);
  await waitUntilLive(ada);
  await ada.page.getByLabel(/^Message to/).fill("half a sentence");
  const dee = await register(browser, app.url, "dee");
  await joinChannel(dee, path);
  const members = ada.page.getByRole("complementary", { name: "Members" });
  await members.getByRole("listitem").filter({ hasText: "dee" }).waitFor();

  await register(browser, app.url, "eli");
  await members.getByLabel("Find people").fill("eli");
  await members.getByRole("button", { name: "Add eli" }).click();
  await members.getByLabel("Manage eli").waitFor();
  expect(await ada.page.getByLabel(/^Message to/).inputValue()).toBe("half a sentence");
}, 60_000);

test("a user who leaves a channel is redirected by the response, and no request on its way is aborted", async () => {
  const path = await createChannel(ada, "short-lived");
  const bo = await register(browser, app.url, "bo2");
  await joinChannel(bo, path);
  await waitUntilLive(bo);
  const { page } = bo;
  const failed: string[] = [];
  page.on("requestfailed", (request) => failed.push(request.url()));
  page.on("response", (response) => response.status() >= 400 && failed.push(`${response.status()} ${response.url()}`));
  // The stream reports it before the response comes.
  await page.route("**/about.data", async (route) => {
    const result = await route.fetch({ maxRedirects: 0 });
    await Bun.sleep(1_500);
    await route.fulfill({ response: result });
  });
  await page.getByRole("link", { name: "About this channel" }).click();
  await page.getByRole("button", { name: "Leave the channel" }).click();
  await page.waitForURL((address) => address.pathname === "/channels");
  expect(new URL(page.url()).search).toBe("");
  await page.getByRole("link", { name: "short-lived" }).waitFor({ state: "detached" });
  expect(failed).toEqual([]);
  expect(bo.errors).toEqual([]);
  await bo.context.close();
}, 60_000);

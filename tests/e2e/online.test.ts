import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { startTestApp, type TestApp } from "../support/app.ts";
import { createChannel, joinChannel, openBrowser, type Person, register, waitUntilLive } from "./browser.ts";

let app: TestApp;
let browser: Browser;
let ada: Person;
let bo: Person;
let path: string;

beforeAll(async () => {
  app = await startTestApp();
  browser = await openBrowser();
  ada = await register(browser, app.url, "ada");
  bo = await register(browser, app.url, "bo");
  path = await createChannel(ada, "general");
  await joinChannel(bo, path);
  await Promise.all([waitUntilLive(ada), waitUntilLive(bo)]);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

test("which members are online is seen in a channel, and no longer when they have left", async () => {
  await ada.page.getByText("2 online").waitFor();
  await ada.page.getByRole("link", { name: /members/ }).click();
  const row = ada.page.getByRole("listitem").filter({ hasText: "bo" });
  await row.getByText("is online").waitFor({ state: "attached" });

  // As the server renders it, before any script runs.
  const html = await (await ada.context.request.get(`${path}/members`)).text();
  expect(html.match(/data-online="2"/g)).toHaveLength(1);
  expect(html.match(/is online/g)).toHaveLength(2);

  // Without a connection nothing of it is known.
  await ada.context.setOffline(true);
  await ada.page.getByText("You are offline.").waitFor();
  await ada.page.getByText("2 online").waitFor({ state: "detached" });
  await row.getByText("is online").waitFor({ state: "detached" });
  await ada.context.setOffline(false);
  await ada.page.getByText("2 online").waitFor();

  await bo.page.close();
  await ada.page.getByText("2 online").waitFor({ state: "detached", timeout: 20_000 });
  await row.getByText("is online").waitFor({ state: "detached" });
  expect([...ada.errors, ...bo.errors]).toEqual([]);
}, 60_000);

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { startTestApp, type TestApp } from "../support/app.ts";
import { createChannel, joinChannel, openBrowser, PASSWORD, readMessages, register } from "./browser.ts";

let app: TestApp;
let browser: Browser;

beforeAll(async () => {
  app = await startTestApp();
  browser = await openBrowser();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

test("everything needed to chat works with scripts off", async () => {
  const ada = await register(browser, app.url, "ada", { scripts: false });
  const path = await createChannel(ada, "general");
  const send = async (page: typeof ada.page, text: string) => {
    await page.getByLabel(/^Message to/).fill(text);
    await page.getByRole("button", { name: "Send" }).click();
  };
  await send(ada.page, "first\nsecond line");
  expect(await readMessages(ada)).toEqual(["first\nsecond line"]);

  const bo = await register(browser, app.url, "bo", { scripts: false });
  await joinChannel(bo, path);
  expect(await readMessages(bo)).toEqual(["first\nsecond line"]);
  await send(bo.page, "<b>hello</b>");
  await ada.page.reload();
  expect(await readMessages(ada)).toEqual(["first\nsecond line", "<b>hello</b>"]);

  await ada.page.goto("/settings");
  await ada.page.getByRole("button", { name: "Sign out", exact: true }).click();
  expect(new URL(ada.page.url()).pathname).toBe("/login");
  await ada.page.getByLabel("E-mail or username").fill("ADA");
  await ada.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await ada.page.getByRole("button", { name: "Sign in" }).click();
  expect(new URL(ada.page.url()).pathname).toBe(path);
}, 60_000);

test("a wrong password and a taken name are shown at the form, and the input stays", async () => {
  const context = await browser.newContext({ baseURL: app.url, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/login");
  await page.getByLabel("E-mail or username").fill("ada");
  await page.getByLabel("Password", { exact: true }).fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  expect(await page.getByRole("alert").textContent()).toContain("wrong");
  expect(await page.getByLabel("E-mail or username").inputValue()).toBe("ada");

  await page.goto("/register");
  await page.getByLabel("Username").fill("Ada");
  await page.getByLabel("E-mail").fill("another@example.org");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: /^Create/ }).click();
  expect(await page.getByText("This username is taken.").count()).toBe(1);
  expect(await page.getByLabel("E-mail").inputValue()).toBe("another@example.org");
  await context.close();
}, 60_000);

test("scripts and styles of the pages pass their own content security policy", async () => {
  const context = await browser.newContext({ baseURL: app.url });
  const page = await context.newPage();
  const refused: string[] = [];
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) refused.push(message.text());
  });
  const response = await page.goto("/login");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  expect(response?.headers()["content-security-policy"]).toMatch(/script-src 'self' 'nonce-[^']+';/);
  expect(refused).toEqual([]);
  await context.close();
}, 30_000);

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { startTestApp, type TestApp } from "../support/app.ts";
import { openBrowser, PASSWORD, type Person, register, waitUntilLive } from "./browser.ts";

let app: TestApp;
let browser: Browser;
let ada: Person;

beforeAll(async () => {
  app = await startTestApp({ REGISTRATION: "invite" });
  browser = await openBrowser();
  ada = await register(browser, app.url, "ada");
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

test("an invitation admits one person, a reset link gives the account back, and a ban signs the user out", async () => {
  await ada.page.goto("/admin/invitations");
  await ada.page.getByRole("button", { name: "Create invitation" }).click();
  const invitation = new URL((await ada.page.getByText(/\/register\?invite=/).textContent()) ?? "");

  const context = await browser.newContext({ baseURL: app.url });
  const page = await context.newPage();
  await page.goto("/login");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(await page.getByText("Welcome back.").count()).toBe(0);
  await page.goto(invitation.pathname + invitation.search);
  await page.getByLabel("Username").fill("bo");
  await page.getByLabel("E-mail").fill("bo@example.org");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL((address) => address.pathname === "/channels");

  await page.goto("/settings");
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  // The page before has a field of a name that begins like this one's.
  await page.waitForURL(/\/reset$/);
  await page.getByLabel("E-mail").fill("bo@example.org");
  await page.getByRole("button", { name: "Send the link" }).click();
  await page.getByRole("heading", { name: "Check your e-mail" }).waitFor();

  await ada.page.reload();
  const reset = new URL((await ada.page.getByText(/\/reset\//).textContent()) ?? "");
  await page.goto(reset.pathname);
  await page.getByLabel("New password").fill("another long password");
  await page.getByRole("button", { name: "Set password" }).click();
  await page.getByText("Your new password is set.").waitFor();
  await page.getByLabel("E-mail or username").fill("bo@example.org");
  await page.getByLabel("Password", { exact: true }).fill("another long password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((address) => address.pathname === "/channels");
  await waitUntilLive({ name: "bo", context, page, errors: [] });

  await ada.page.goto("/admin/bans?username=bo");
  await ada.page.getByLabel("Reason").first().fill("sold one seat twice");
  await ada.page.getByRole("button", { name: "Ban" }).first().click();
  await page.waitForURL(/\/login\?ended=banned/);
  await page.goto("/login");
  await page.getByText("Welcome back.").waitFor();
  await ada.page.getByText("sold one seat twice").waitFor();
  expect(ada.errors).toEqual([]);
  await context.close();
}, 90_000);

test("a user who does not run the server sees so on its page, with their channels beside it", async () => {
  await ada.page.goto("/admin/invitations");
  await ada.page.getByRole("button", { name: "Create invitation" }).click();
  const unused = ada.page.getByRole("listitem").filter({ hasText: "0 of 1 used" });
  const invitation = new URL((await unused.getByText(/\/register\?invite=/).textContent()) ?? "");
  const context = await browser.newContext({ baseURL: app.url });
  const page = await context.newPage();
  await page.goto(invitation.pathname + invitation.search);
  await page.getByLabel("Username").fill("cy");
  await page.getByLabel("E-mail").fill("cy@example.org");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL((address) => address.pathname === "/channels");
  const response = await page.goto("/admin");
  expect(response?.status()).toBe(403);
  await page.getByRole("heading", { name: "No access" }).waitFor();
  await page.getByRole("navigation", { name: "Channels" }).waitFor();
  await context.close();
}, 60_000);

import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { findChromium } from "../support/chromium.ts";

export const PASSWORD = "a long enough password";

/** The browser of these tests. `npm run check` and `.ci/run` see to it that there is one. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error("There is no Chromium. Install one, or set CHROMIUM to its path.");
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A person at a browser of their own, signed in, at the list of channels. */
export interface Person {
  name: string;
  context: BrowserContext;
  page: Page;
  /** Errors in their pages that no test looked for; empty at the end of every test. */
  errors: string[];
}

/** Makes an account through the pages. The first one on a server goes through the set-up. */
export async function register(
  browser: Browser,
  url: string,
  name: string,
  options: { scripts?: boolean } = {},
): Promise<Person> {
  const context = await browser.newContext({ baseURL: url, javaScriptEnabled: options.scripts ?? true });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(message.text()))
      errors.push(message.text());
  });
  await page.goto("/register");
  await page.getByLabel("Username").fill(name);
  await page.getByLabel("E-mail").fill(`${name}@example.org`);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.waitForURL((address) => address.pathname === "/channels");
  return { name, context, page, errors };
}

/** Makes a public channel and returns its path. */
export async function createChannel({ page }: Person, name: string): Promise<string> {
  await page.goto("/channels/new");
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Create the channel" }).click();
  await page.waitForURL(/\/channels\/\d+$/);
  return new URL(page.url()).pathname;
}

export async function joinChannel({ page }: Person, path: string): Promise<void> {
  await page.goto(path);
  await page.getByRole("button", { name: "Join the channel" }).click();
  await page.getByLabel(/^Message to/).waitFor();
}

/** Waits until the page's stream is connected. */
export async function waitUntilLive({ page }: Person): Promise<void> {
  await page.locator("[data-connection=live]").waitFor({ state: "attached" });
}

export async function sendMessage({ page }: Person, text: string): Promise<void> {
  await page.getByLabel(/^Message to/).fill(text);
  await page.getByLabel(/^Message to/).press("Enter");
}

/** The texts of the messages on the screen, from the oldest. */
export async function readMessages({ page }: Person): Promise<string[]> {
  return page.locator("[data-message] [data-text]").allInnerTexts();
}

/** Waits until a message with this text has come, through the server, to this person. */
export async function waitForMessage({ page }: Person, text: string, timeout = 15_000): Promise<void> {
  await page.locator("[data-message] [data-text]", { hasText: text }).first().waitFor({ timeout });
}

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
import { relayTo } from "./relay.ts";

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

test("two people in a channel each see what the other sends, edits and deletes", async () => {
  await sendMessage(ada, "Doors at seven.");
  await waitForMessage(bo, "Doors at seven.");
  await sendMessage(bo, "I bring the ladder.");
  await waitForMessage(ada, "I bring the ladder.");
  expect(await readMessages(ada)).toEqual(await readMessages(bo));

  const mine = ada.page.locator("[data-message]", { hasText: "Doors at seven." });
  await mine.hover();
  await mine.getByRole("button", { name: "Edit" }).click();
  await ada.page.getByLabel("Edit the message").fill("Doors at eight.");
  await ada.page.getByLabel("Edit the message").press("Enter");
  await waitForMessage(bo, "Doors at eight.");

  const bosMessage = bo.page.locator("[data-message]", { hasText: "I bring the ladder." });
  await bosMessage.hover();
  await bosMessage.getByRole("button", { name: "Delete" }).click();
  await bosMessage.getByRole("button", { name: "Delete" }).click();
  await ada.page.getByText("This message was deleted.").waitFor();
  expect(await readMessages(ada)).toEqual(["Doors at eight."]);
}, 60_000);

test("a reply shows the message it replies to, and leads to it", async () => {
  await sendMessage(ada, "Who has the key for the cloakroom?");
  await waitForMessage(bo, "Who has the key");
  const question = bo.page.locator("[data-message]", { hasText: "Who has the key" });
  await question.hover();
  await question.getByRole("button", { name: "Reply" }).click();
  await sendMessage(bo, "It hangs in the bar.");
  const result = ada.page.locator("[data-message]", { hasText: "It hangs in the bar." });
  await result.getByRole("link", { name: /In reply to/ }).click();
  await ada.page.locator("[data-message][data-highlighted]", { hasText: "Who has the key" }).waitFor();
}, 60_000);

test("a person who loses the network for 20 s misses nothing, and what was written meanwhile is sent", async () => {
  const relay = await relayTo(app.url);
  const cy = await register(browser, relay.url, "cy");
  await joinChannel(cy, path);
  await waitUntilLive(cy);
  await sendMessage(ada, "before the cut");
  await waitForMessage(cy, "before the cut");

  relay.cut();
  await cy.page.getByText("Not connected").waitFor();
  for (let n = 1; n <= 30; n += 1) await sendMessage(ada, `while away ${n}.`);
  await waitForMessage(bo, "while away 30.");
  await sendMessage(cy, "written offline");
  await cy.page.waitForTimeout(20_000);
  expect(await readMessages(cy)).not.toContain("while away 1.");

  relay.restore();
  await waitForMessage(cy, "while away 30.", 30_000);
  await waitForMessage(bo, "written offline", 30_000);
  await waitForMessage(cy, "written offline");
  await cy.page.getByText("Not connected").waitFor({ state: "detached" });
  expect(await readMessages(cy)).toEqual(await readMessages(bo));
  expect((await readMessages(bo)).filter((text) => text === "written offline")).toHaveLength(1);
  await cy.context.close();
  await relay.close();
}, 120_000);

test("what is being written survives a reload, and belongs to its channel", async () => {
  await bo.page.getByLabel(/^Message to/).fill("half a sent");
  await bo.page.goto("/channels");
  await bo.page.goto(path);
  await bo.page.waitForFunction(() => document.querySelector("textarea")?.value === "half a sent");
  await bo.page.getByLabel(/^Message to/).fill("");
}, 30_000);

test("people are shown by the name they chose, also on pages that were open before they came", async () => {
  await ada.page.goto(path);
  await waitUntilLive(ada);
  const dee = await register(browser, app.url, "dee");
  await dee.page.goto("/settings");
  await dee.page.getByLabel("Name", { exact: true }).fill("Deirdre Young");
  await dee.page.getByRole("button", { name: "Save" }).click();
  await dee.page.getByRole("contentinfo").getByText("Deirdre Young").waitFor();
  await joinChannel(dee, path);
  await waitUntilLive(dee);
  await sendMessage(dee, "Good evening.");
  for (const { page } of [ada, dee]) {
    await page.locator("[data-message]", { hasText: "Good evening." }).getByText("Deirdre Young").waitFor();
  }
}, 60_000);

test("no page had an error that no test looked for", () => {
  expect({ ada: ada.errors, bo: bo.errors }).toEqual({ ada: [], bo: [] });
});

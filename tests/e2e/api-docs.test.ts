import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { exampleServer } from "../support/example-server.ts";
import { openBrowser } from "./browser.ts";

let server: Awaited<ReturnType<typeof exampleServer>>;
let browser: Browser;

beforeAll(async () => {
  server = await exampleServer();
  browser = await openBrowser();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await server?.close();
}, 30_000);

test("Swagger UI shows the operations and tries one, under a policy without inline scripts and other hosts", async () => {
  const page = await browser.newPage();
  const violations: string[] = [];
  const hosts = new Set<string>();
  page.on("console", (message) => {
    if (message.type() === "error") violations.push(message.text());
  });
  page.on("pageerror", (error) => violations.push(error.message));
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  await page.goto(`${server.url}/api/docs`);
  const operation = page.locator(".opblock", { hasText: "/api/v1/meta" });
  await operation.click();
  await operation.getByRole("button", { name: "Try it out" }).click();
  await operation.getByRole("button", { name: "Execute" }).click();
  await operation.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor();
  if (process.env.PICTURE) await page.screenshot({ path: process.env.PICTURE, fullPage: false });
  hosts.delete(""); // data: and blob: have none
  expect([...hosts]).toEqual([new URL(server.url).host]);
  expect(violations).toEqual([]);
}, 60_000);

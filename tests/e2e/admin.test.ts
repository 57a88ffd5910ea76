import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";
import { openBrowser, PASSWORD, type Person, register } from "./browser.ts";

/** The admin pages, as one story: a later test finds in the audit log what the first ones did. */
let app: TestApp;
let browser: Browser;
let ada: Person;
let page: Page;
/** Signed in, at no page yet. */
let bo: Page;

beforeAll(async () => {
  app = await startTestApp({ WEBHOOKS_ALLOW_PRIVATE: "true", TRUSTED_PROXIES: "127.0.0.1,::1" });
  browser = await openBrowser();
  ada = await register(browser, app.url, "ada");
  page = ada.page;
  bo = await (await browser.newContext({ baseURL: app.url })).newPage();
  const account = { username: "bo", email: "bo@example.org", password: PASSWORD };
  await bo.context().request.post("/api/v1/auth/register", { data: account });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
}, 30_000);

/** Opens an action that asks for confirmation, in the menu of its row too, and confirms. */
async function confirm(label: string, go: string, fill?: () => Promise<void>, at = page): Promise<void> {
  const question = at.locator(`summary[aria-label="${label}"]`);
  await question
    .or(at.locator(`details[name=menu]:has(summary[aria-label="${label}"]) > summary`))
    .first()
    .click();
  if (!(await at.locator(`details[open] > summary[aria-label="${label}"]`).isVisible())) await question.click();
  await fill?.();
  await at.getByRole("button", { name: go, exact: true }).click();
}

async function shownSecret(name: string): Promise<string> {
  return (await page.getByRole("region", { name }).locator("code").first().textContent()) ?? "";
}

const waitForStatus = (text: string | RegExp) => page.getByRole("status").filter({ hasText: text }).waitFor();

const post = (path: string, data: object, by = page) =>
  by.context().request.post(`/api/v1${path}`, { data, headers: { origin: app.url } });

async function readStatus(path: string, headers: Record<string, string>): Promise<number> {
  return (await fetch(`${app.url}/api/v1${path}`, { headers })).status;
}

test("a token is made, shown once, good for what it may do, rotated, and refused once it is revoked", async () => {
  await page.goto("/admin/tokens");
  await page.getByLabel("Name").fill("booking-worker");
  await page.getByLabel("Statistics").check();
  await page.getByLabel("Rooms").fill("event:*");
  await page.getByRole("button", { name: "Create token" }).click();
  const secret = await shownSecret("The token’s secret");
  expect(secret).toStartWith("ust_");
  const as = (token: string) => ({ authorization: `Bearer ${token}` });
  expect(await readStatus("/connections/stats", as(secret))).toBe(200);
  expect(await readStatus("/changes", as(secret))).toBe(403);

  await page.goto("/admin/tokens");
  expect(await page.getByText(secret).count()).toBe(0);
  await confirm("Rotate the secret of booking-worker", "Create new secret");
  await waitForStatus("booking-worker has a new secret");
  const next = await shownSecret("The token’s secret");
  expect(next).toStartWith("ust_");
  expect(next).not.toBe(secret);
  expect(await readStatus("/connections/stats", as(secret))).toBe(200);
  expect(await readStatus("/connections/stats", as(next))).toBe(200);

  await confirm("Revoke booking-worker", "Revoke");
  await waitForStatus("revoked");
  expect(await readStatus("/connections/stats", as(next))).toBe(401);
  await page.getByText("No tokens yet").waitFor();
}, 120_000);

test("an endpoint is made and tested, and its delivery appears on the page with the response", async () => {
  const receiver = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("received, thank you") });
  await page.goto("/admin/webhooks");
  await page.getByLabel("Address").fill("nowhere");
  await page.locator("form", { hasText: "Events" }).evaluate((form: HTMLFormElement) => {
    form.noValidate = true;
  });
  await page.getByRole("button", { name: "Create webhook" }).click();
  await page.getByText("An https address.").waitFor();
  await page.getByLabel("Address").fill(`http://127.0.0.1:${receiver.port}/usher`);
  await page.getByRole("button", { name: "Create webhook" }).click();
  await page.getByRole("region", { name: "The signing secret" }).getByText("whsec_").waitFor();
  await page.getByRole("link", { name: `http://127.0.0.1:${receiver.port}/usher` }).click();
  await page.getByRole("button", { name: "Send a test" }).click();
  const row = page.getByRole("row").filter({ hasText: "webhook:test" });
  await row.getByText("delivered").waitFor();
  await row.getByRole("link").click();
  await page.getByText("received, thank you").waitFor();
  await receiver.stop(true);
}, 120_000);

test("parked events are listed with their reason, and not mentioned where there are none", async () => {
  const list = page.getByRole("heading", { name: "Parked events" });
  await page.goto("/admin/webhooks");
  await page.getByRole("heading", { name: "Webhooks" }).waitFor();
  expect(await list.count()).toBe(0);
  const database = openDatabase(app.databaseUrl, { max: 1 });
  await database.sql`
    INSERT INTO webhook_parked (room, seq, epoch, event_type, reason)
    VALUES ('event:7', 42, 'e', 'seat:taken', 'a rule of the database refused it')`;
  await database.close();
  await page.reload();
  await list.waitFor();
  const row = page.getByRole("table", { name: "Parked events" }).getByRole("row").nth(1);
  for (const text of ["seat:taken", "event:7", "42", "a rule of the database refused it"])
    await row.getByText(text).waitFor();
}, 60_000);

test("a range of addresses is banned and let in again", async () => {
  const from = { "x-forwarded-for": "203.0.113.9" };
  expect(await readStatus("/meta", from)).toBe(200);
  await page.goto("/admin/bans");
  const form = page.locator("form", { hasText: "Address or range" });
  await form.getByLabel("Address or range").fill("203.0.113.0/99");
  await form.getByLabel("Reason").fill("a flood");
  await form.getByRole("button", { name: "Ban" }).click();
  await form.getByText(/^Must be an address or a range/).waitFor();
  expect(await form.getByLabel("Reason").inputValue()).toBe("a flood");
  await form.getByLabel("Address or range").fill("203.0.113.0/24");
  await form.getByRole("button", { name: "Ban" }).click();
  await waitForStatus("203.0.113.0/24 is banned");
  expect(await readStatus("/meta", from)).toBe(403);
  await confirm("Lift the ban of 203.0.113.0/24", "Lift ban");
  await waitForStatus("The ban is lifted.");
  expect(await readStatus("/meta", from)).toBe(200);
}, 120_000);

test("a setting is changed and takes effect, without scripts too; an error is shown at the field, and the input stays", async () => {
  const context = await browser.newContext({
    baseURL: app.url,
    javaScriptEnabled: false,
    storageState: await ada.context.storageState(),
  });
  const plain = await context.newPage();
  await plain.goto("/admin/settings");
  const pings = plain.getByRole("listitem").filter({ hasText: "How often a quiet connection is pinged" });
  await pings.getByLabel("Change WS_PING_INTERVAL").click();
  await pings.getByRole("textbox").fill("soon");
  await pings.getByRole("button", { name: "Save" }).click();
  expect(await pings.getByRole("textbox").getAttribute("aria-invalid")).toBe("true");
  expect(await pings.getByRole("textbox").inputValue()).toBe("soon");
  const row = plain.getByRole("listitem").filter({ hasText: "Who may register" });
  await row.getByLabel("Change REGISTRATION").click();
  expect(await row.getByRole("option").allTextContents()).toEqual(["open", "invite", "closed"]);
  await row.getByRole("combobox").selectOption("closed");
  await row.getByRole("button", { name: "Save" }).click();
  await row.getByText("ada set it on").waitFor();
  const body = JSON.stringify({ username: "late", email: "late@example.org", password: PASSWORD });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${app.url}/api/v1/auth/register`, { method: "POST", body, headers });
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([403, "registration_closed"]);
  await row.getByLabel("More for REGISTRATION").click();
  await row.getByRole("button", { name: "Reset REGISTRATION" }).click();
  await row.getByText("default", { exact: true }).waitFor();

  await plain.goto("/admin/tokens");
  if (!(await plain.getByLabel("Name").isVisible())) await plain.getByText("Add token").click();
  await plain.getByLabel("Name").fill("stage");
  await plain.getByRole("button", { name: "Create token" }).click();
  await plain.getByText("At least 1 item.", { exact: true }).waitFor();
  await plain.getByLabel("Broadcast").check();
  await plain.getByLabel("Presence").check();
  await plain.getByLabel("Rooms").fill("no room");
  await plain.getByRole("button", { name: "Create token" }).click();
  await plain.getByText(/^A room such as/).waitFor();
  const ticked = await plain
    .getByRole("checkbox", { checked: true })
    .evaluateAll((boxes) => boxes.map((box) => (box as HTMLInputElement).value));
  expect(ticked).toEqual(["broadcast", "presence"]);
  expect(await plain.getByLabel("Name").inputValue()).toBe("stage");
  await context.close();
}, 120_000);

test("connections come into the overview by themselves, and one of them is closed from its room’s list", async () => {
  await page.goto("/admin");
  const node = page.getByRole("table", { name: "Nodes" }).getByRole("row").filter({ hasText: "broker connected" });
  await node.getByText(/^\d+\.\d s ago$/).waitFor();
  const client = await openClient(Number(new URL(app.url).port));
  await client.request("room:join", { room: "event:77" });
  await page.getByRole("row").filter({ hasText: "event:77" }).getByRole("link", { name: "1" }).click();
  const row = page.getByRole("row").filter({ hasText: "event:77" });
  const who = row.getByText("not signed in", { exact: true });
  const id = (await who.getAttribute("title"))?.replace("Connection ", "");
  await confirm(`Close connection ${id}`, "Close");
  await waitForStatus(`Connection ${id} is closed.`);
  expect(await client.end()).toBe(4011);
}, 120_000);

test("a name in the list of connections is broken at no width, whatever else is in its row", async () => {
  const account = { username: "ostrander", email: "ostrander@example.org", password: PASSWORD };
  // Not by the browser: its cookie would be another person's then.
  const headers = { "content-type": "application/json" };
  const made = await fetch(`${app.url}/api/v1/auth/register`, {
    method: "POST",
    headers,
    body: JSON.stringify(account),
  });
  const { access_token } = (await made.json()) as { access_token: string };
  const client = await openClient(Number(new URL(app.url).port), { query: `?token=${access_token}` });
  for (const room of ["event:1", "event:2", "event:3", "event:4"]) await client.request("room:join", { room });
  const lines: Record<number, number[]> = {};
  for (const width of [1280, 1000, 800, 700, 390]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto("/admin/connections");
    const table = page.getByRole("table", { name: "Connections" });
    const links = table.getByRole("link", { name: "ostrander", exact: true });
    await links.first().waitFor();
    lines[width] = await links.evaluateAll((all) => all.map((link) => link.getClientRects().length));
    expect(await links.first().getAttribute("title")).toMatch(/^Connection \d+-\d+$/);
  }
  for (const [width, each] of Object.entries(lines)) expect([width, ...each]).toEqual([width, ...each.map(() => 1)]);
  await page.setViewportSize({ width: 1280, height: 720 });
  client.close();
}, 120_000);

test("frames of a room come into the live trace, each with its node, wait while it is paused, and unfold", async () => {
  const client = await openClient(Number(new URL(app.url).port));
  const room = "event:88";
  await page.goto(`/admin/traces?room=${room}`);
  await page.getByRole("button", { name: "Start" }).press("Enter");
  await waitForStatus(`Tracing ${room}`);
  const frames = page.getByRole("list", { name: "Frames" });
  // The newest come first: the last one stays the same.
  const joined = frames.getByRole("listitem").filter({ hasText: "room:join" }).last();
  await waitUntil("the server shows frames", async () => {
    await client.request("room:join", { room });
    return joined.isVisible();
  });
  await joined.locator("summary").press("Enter");
  await joined.getByText(`"room": "${room}"`).waitFor();
  const [node] = String((await client.next("system:connected")).payload.connection_id).split("-");
  const { id, token } = await (await post("/service-tokens", { name: "stage", scopes: ["broadcast"] })).json();
  await fetch(`${app.url}/api/v1/rooms/${room}/broadcasts`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ event_type: "ticket:released", payload: { event_id: "88" } }),
  });
  await frames
    .getByRole("listitem")
    .filter({ hasText: "ticket:released" })
    .getByText(`node ${node}, to all`, { exact: true })
    .waitFor();
  await page.context().request.delete(`/api/v1/service-tokens/${id}`, { headers: { origin: app.url } });

  await page.getByRole("button", { name: "Pause" }).press("Enter");
  await waitForStatus("Paused");
  await client.request("room:leave", { room });
  const left = frames.getByRole("listitem").filter({ hasText: "room:leave" });
  await page.getByRole("button", { name: /^Resume \([1-9]/ }).waitFor();
  expect(await left.count()).toBe(0);
  await page.getByRole("button", { name: /^Resume/ }).click();
  await left.first().waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  expect(await frames.getByRole("listitem").count()).toBe(0);
  await page.getByRole("button", { name: "Stop" }).click();
  await waitForStatus(`The trace of ${room} has ended`);
  client.close();
}, 120_000);

test("a live trace by username shows a person's frames, in and out, each with its node", async () => {
  const { access_token } = await (await post("/auth/login", { username: "bo", password: PASSWORD }, bo)).json();
  const client = await openClient(Number(new URL(app.url).port), { query: `?token=${access_token}` });
  const { payload } = await client.next("system:connected");
  // The choice stays, though it is made before the scripts are loaded.
  const scripts = Promise.withResolvers<void>();
  await page.route("**/assets/*.js", async (route) => {
    await scripts.promise;
    await route.continue();
  });
  await page.goto("/admin/traces", { waitUntil: "commit" });
  await page.getByLabel("Trace", { exact: true }).selectOption("A person");
  scripts.resolve();
  await page.getByLabel("Username").fill("unknown-user");
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("No one here has this username.").waitFor();
  await page.getByLabel("Username").fill("BO");
  await page.getByRole("button", { name: "Start" }).click();
  await waitForStatus("Tracing BO");
  const frames = page.getByRole("list", { name: "Frames" }).getByRole("listitem");
  const out = frames.filter({ hasText: "system:pong" }).last();
  await waitUntil("the server shows frames", async () => {
    await client.request("system:ping");
    return out.isVisible();
  });
  await frames.filter({ hasText: "system:ping" }).first().getByText("in", { exact: true }).waitFor();
  const [node] = String(payload.connection_id).split("-");
  await out.getByText(`node ${node}`, { exact: true }).waitFor();
  await out.locator("summary").click();
  await out.getByText(String(payload.connection_id), { exact: true }).waitFor();
  client.close();
  await page.getByRole("button", { name: "Stop" }).click();
  await waitForStatus("The trace of BO has ended");
  await page.unroute("**/assets/*.js");
  await page.goto("/admin/people?q=bo@");
  await page.getByLabel("Manage bo").click();
  await page.getByRole("link", { name: "Trace bo" }).click();
  expect(await page.getByLabel("Username").inputValue()).toBe("bo");
}, 120_000);

test("a user who is no admin sees no page and no data; as an admin they do, and disabled they do not", async () => {
  const paths = ["", "/connections", "/rooms", "/people", "/invitations", "/bans", "/tokens", "/webhooks", "/settings"];
  for (const path of [...paths, "/audit-log", "/traces"]) {
    for (const address of [`/admin${path}`, `/admin${path}.data`]) {
      const result = await bo.context().request.get(address);
      expect([address, result.status()]).toEqual([address, 403]);
      expect(await result.text()).not.toContain("ada@example.org");
    }
  }
  await bo.goto("/admin/people");
  await bo.getByRole("heading", { name: "No access" }).waitFor();

  await page.goto("/admin/people?q=bo@");
  await confirm("Change role of bo", "Set role", async () => {
    await page.getByRole("combobox", { name: "Role of bo" }).selectOption("admin");
  });
  await waitForStatus("bo is an admin");
  await bo.goto("/admin/people?q=ada");
  await bo.getByText("ada@example.org").waitFor();
  expect(await bo.locator('summary[aria-label="Disable ada"]').count()).toBe(0);

  await confirm("Disable bo", "Disable");
  await waitForStatus("bo is disabled");
  await bo.waitForURL(/\/login/);
  await page.getByLabel("Manage bo").click();
  await page.getByRole("button", { name: "Enable bo" }).click();
  await waitForStatus("bo can sign in again.");
}, 120_000);

test("what only an owner may do is refused to an admin at its field, with the server’s error", async () => {
  await post("/auth/login", { username: "bo", password: PASSWORD }, bo);
  const refusal = /^Only an owner can let a program read channels and personal rooms/;
  await bo.goto("/admin/tokens");
  await bo.getByLabel("Name").fill("reader");
  await bo.getByLabel("History").check();
  const rooms = bo.getByLabel("Rooms");
  await rooms.fill("channel:*");
  await bo.getByRole("button", { name: "Create token" }).click();
  await bo.getByText(refusal).waitFor();
  expect(await rooms.getAttribute("aria-invalid")).toBe("true");

  await bo.goto("/admin/webhooks");
  await bo.getByText("Add webhook", { exact: true }).click();
  await bo.getByLabel("Address").fill("https://example.org/usher");
  await bo.getByRole("button", { name: "Create webhook" }).click();
  await bo.getByText(refusal).waitFor();
  expect(await bo.getByLabel("Rooms").getAttribute("aria-invalid")).toBe("true");

  await bo.goto("/admin/traces?room=channel:1");
  await bo.getByRole("button", { name: "Start" }).click();
  await bo.getByText(refusal).waitFor();
  expect(await bo.getByLabel("Room").getAttribute("aria-invalid")).toBe("true");

  const account = { username: "cy", email: "cy@example.org", password: PASSWORD };
  const other = await browser.newContext({ baseURL: app.url });
  const made = await (await other.request.post("/api/v1/auth/register", { data: account })).json();
  const role = { data: { role: "admin" }, headers: { origin: app.url } };
  await page.context().request.patch(`/api/v1/admin/users/${made.user.id}`, role);
  await post("/admin/bans", { user_id: made.user.id, reason: "sold seats twice" });
  await bo.goto("/admin/bans");
  await confirm("Lift the ban of cy", "Lift ban", undefined, bo);
  await bo.getByRole("alert").getByText("You cannot lift a ban of a person with your own role.").waitFor();
}, 120_000);

test("a page that cannot be shown leaves the list of the others where it is", async () => {
  for (const path of ["/admin/webhooks/1", "/admin/connections?node=none"]) {
    const response = await page.goto(path);
    expect([404, 422]).toContain(response!.status());
    await page.getByRole("heading", { name: /Page not found|This address is not valid/ }).waitFor();
    // The same address would be refused again.
    expect(await page.getByRole("link", { name: "Try again" }).count()).toBe(0);
    await page.getByRole("navigation", { name: "Administration" }).getByRole("link", { name: "Audit log" }).click();
    await page.getByLabel("Person").waitFor();
  }
}, 120_000);

test("the audit log has all of it, and is filtered by action, actor and time", async () => {
  await page.goto("/admin/audit-log");
  const text = await page.getByRole("main").textContent();
  for (const sentence of [
    /created the service token \S+ with stats/,
    /gave the service token \S+ a new secret/,
    /revoked the service token \S+/,
    /created the webhook to 127\.0\.0\.1/,
    "banned 203.0.113.0/24 permanently",
    "lifted the ban of 203.0.113.0/24",
    "set REGISTRATION to closed",
    "set REGISTRATION back to its value in the environment",
    /closed connection \d+-\d+/,
    "changed the role of bo from member to admin",
    "disabled the account of bo",
    "enabled the account of bo",
    "traced the frames of room event:88",
    "traced the frames of bo",
  ])
    expect(text).toMatch(sentence);
  await page.getByLabel("Action").selectOption("ban:made");
  await page.getByLabel("Person").fill("ADA");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await waitUntil("only the bans are listed", async () => {
    const deeds = await page.getByRole("main").getByRole("listitem").filter({ hasText: "ada " }).allInnerTexts();
    return deeds.length === 2 && deeds[1]?.includes("banned 203.0.113.0/24");
  });
  await page.goto("/admin/audit-log?to=2020-01-01");
  await page.getByText("No entries found").waitFor();
  expect(ada.errors).toEqual([]);
}, 120_000);

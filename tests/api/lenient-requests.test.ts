import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ServerApiApp, startServerApiApp } from "../support/server-api.ts";
import { type ApiDocument, readDocument } from "./documented.ts";

setDefaultTimeout(60_000);

/** What programs in other languages send as a matter of course. */
let app: ServerApiApp;
let document: ApiDocument;
beforeAll(async () => {
  app = await startServerApiApp();
  document = await readDocument(app.url);
});
afterAll(() => app.close());

/** Writes without a body, to a resource that does not exist. */
async function write(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
  const url = app.url + path.replace(/\{\w+\}/g, "999999");
  const response = await fetch(url, {
    method: method.toUpperCase(),
    headers: { authorization: `Bearer ${app.owner}`, ...headers },
    body,
  });
  return { status: response.status, text: await response.text() };
}

test("where no field is needed, no body is the same as {}; where one is, it is named or a body asked for", async () => {
  const withBody = document.operations.filter(({ requestBody }) => requestBody !== undefined);
  const optional = withBody.filter(({ requestBody }) => !(requestBody as { required?: boolean }).required);
  expect(optional.map(({ method, path }) => `${method} ${path}`).length).toBeGreaterThanOrEqual(13);
  for (const { method, path } of optional) {
    // These end the test's own session, or this node.
    if (path === "/api/v1/auth/logout" || path.endsWith("/drain")) continue;
    const empty = await write(method, path);
    const same = await write(method, path, { "content-type": "application/json" }, "{}");
    expect([method, path, empty.status]).toEqual([method, path, same.status]);
    expect([415, 400, 422]).not.toContain(empty.status);
    const form = await write(method, path, {
      "content-type": "application/x-www-form-urlencoded",
      "content-length": "0",
    });
    expect([method, path, form.status]).toEqual([method, path, same.status]);
    // A body is read, or refused: never passed over.
    const text = await write(method, path, { "content-type": "text/plain" }, "overlap_seconds=0");
    expect([method, path, text.status]).toEqual([method, path, 415]);
  }
  for (const { method, path } of withBody.filter((operation) => !optional.includes(operation)))
    expect([method, path, [403, 415].includes((await write(method, path)).status)]).toEqual([method, path, true]);
});

test("a request without a body rotates a secret, with the default overlap", async () => {
  const made = await app.request<{ id: string }>(app.owner, "POST", "/api/v1/webhook-endpoints", {
    url: "https://nowhere.invalid/",
    event_types: ["*"],
  });
  const path = `/api/v1/webhook-endpoints/${made.body.id}`;
  expect((await write("POST", `${path}/rotate-secret`)).text).toContain("whsec_");
  const { body } = await app.request<{ old_secret_until: string }>(app.owner, "GET", path);
  expect(Date.parse(body.old_secret_until)).toBeGreaterThan(Date.now());
});

test("times are accepted as RFC 3339 defines them, in bodies and in queries, and returned in UTC with milliseconds", async () => {
  const made = await app.request(app.owner, "POST", "/api/v1/service-tokens", {
    name: "t",
    scopes: ["stats"],
    rooms: ["event:*"],
    expires_at: "2099-01-31T01:00:00+01:00",
  });
  expect(made.body).toMatchObject({ expires_at: "2099-01-31T00:00:00.000Z" });
  for (const from of ["2026-01-31T00:00:00Z", "2026-01-31T00:00:00%2B00:00", "2026-01-31t00:00:00.123456z"])
    expect((await app.request(app.owner, "GET", `/api/v1/admin/audit-log?from=${from}&to=${from}`)).status).toBe(200);
  const ban = await app.request(app.owner, "POST", "/api/v1/admin/bans", {
    ip_range: "192.0.2.0/24",
    reason: "x",
    until: "2099-01-31T00:00:00Z",
  });
  expect(ban.body).toMatchObject({ until: "2099-01-31T00:00:00.000Z" });
  const { body } = await app.request<{ errors: { pointer: string }[] }>(
    app.owner,
    "GET",
    "/api/v1/admin/audit-log?from=today",
  );
  expect(body.errors[0]?.pointer).toBe("/query/from");
});

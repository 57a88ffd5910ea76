import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createLogger } from "../../src/platform/logger.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";

/** A form that no page has is refused by a status and a sentence, and is one line of the log at info: no server error. */
setDefaultTimeout(60_000);
const lines: { level: string; msg: string }[] = [];
let app: TestApp;
beforeAll(async () => {
  const logger = createLogger(
    { LOG_LEVEL: "info", LOG_FORMAT: "json" },
    { write: (line) => lines.push(JSON.parse(line)) },
  );
  app = await startTestApp({}, logger);
  await request(
    "/register",
    "application/x-www-form-urlencoded",
    "username=ann&email=ann@example.org&password=correct+horse",
  );
}, 60_000);
afterAll(() => app?.close());

/** @param type null: without a content type */
async function request(path: string, type: string | null, body: BodyInit, method = "POST") {
  const response = await fetch(`${app.url}${path}`, {
    method,
    headers: type === null ? {} : { "content-type": type },
    body,
    redirect: "manual",
  });
  return { status: response.status, text: await response.text() };
}

const FORM = "application/x-www-form-urlencoded";
const MULTIPART = "multipart/form-data; boundary=x";
const bytes = new Uint8Array([0xff, 0x00]);
const CASES: [what: string, status: number, path: string, type: string | null, body: BodyInit, method?: string][] = [
  ["JSON to a page", 415, "/settings", "application/json", '{"email":"ann@example.org"}'],
  ["text to a page", 415, "/login", "text/plain", "email=ann"],
  ["bytes without a type", 415, "/login", null, bytes],
  ["an upload that ends too early", 400, "/login", MULTIPART, "--x\r\nContent-Disposition: form-"],
  ["a form to a page that has none", 404, "/wp-login.php", FORM, "log=admin&pwd=admin"],
  ["a form to a page in a folder that has none", 404, "/a/b/c.php", FORM, "x=1"],
  ["JSON to a page that there is not", 415, "/xmlrpc.php", "application/json", "{}"],
  ["a form of more fields than any page has", 413, "/login", FORM, `who=a${"&a=1".repeat(1_000)}`],
  ["another method", 404, "/about-nothing", FORM, "x=1", "PUT"],
  ["another method to a page", 405, "/", FORM, "x=1", "DELETE"],
];

for (const [what, status, path, type, body, method] of CASES) {
  test(`${what} is ${status}, in one line at info`, async () => {
    const before = lines.length;
    const result = await request(path, type, body, method);
    expect(result.status).toBe(status);
    expect(result.text).not.toContain("    at ");
    await waitUntil("it is logged", () => lines.length > before);
    // The next one's lines come after all lines of the first one.
    await request("/another.php", FORM, "x=1");
    await waitUntil("the next is logged", () => lines.length > before + 1);
    expect(lines.slice(before).map(({ level }) => level)).toEqual(["info", "info"]);
  });
}

test("a form that its page has is accepted", async () => {
  const result = await request("/login", FORM, "who=ann&password=wrong+password");
  expect(result.status).toBeLessThan(500);
  expect(result.text).toContain('role="alert"');
});

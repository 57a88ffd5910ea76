import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { createLogger } from "../../src/platform/logger.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { REMOTE_ADDRESS, type RequestOptions, sendFrom, testFromRemote } from "../support/remote-address.ts";
import { waitUntil } from "../support/wait-until.ts";

/** Who may make the first account, which owns the server. */
setDefaultTimeout(60_000);

let app: TestApp;
let port: number;
const log: string[] = [];
afterEach(() => app.close());

async function start(env: Record<string, string> = {}): Promise<void> {
  log.length = 0;
  const logger = createLogger({ LOG_LEVEL: "info", LOG_FORMAT: "json" }, { write: (line) => void log.push(line) });
  app = await startTestApp(env, logger);
  port = Number(new URL(app.url).port);
}

const ANN = { username: "ann", email: "ann@example.org", password: "correct horse" };
const JSON_TYPE = { "Content-Type": "application/json" };
/** Headers of a client that pretends to be on the server's machine. */
const FORGED = { "X-Forwarded-For": "127.0.0.1", "X-Usher-Local": "true" };

/** Status and code of an attempt at an account. */
async function register({ headers, ...sent }: RequestOptions = {}, more: object = {}, path = "/api/v1/auth/register") {
  const body = JSON.stringify({ ...ANN, ...more });
  const { status, text } = await sendFrom(port, path, {
    method: "POST",
    headers: { ...JSON_TYPE, ...headers },
    body,
    ...sent,
  });
  const result = JSON.parse(text) as { code?: string; message?: string; user?: { role: string } };
  return [status, result.code ?? result.user?.role ?? result.message];
}
const REFUSED = [403, "setup_code_needed"];
const OWNER = [201, "owner"];

const needed = async (sent: RequestOptions = {}) =>
  (JSON.parse((await sendFrom(port, "/api/v1/meta", sent)).text) as { setup_code_needed: boolean }).setup_code_needed;
const setupPage = (sent: RequestOptions = {}) =>
  waitUntil("the pages are there", async () => {
    const { status, text } = await sendFrom(port, "/setup", sent);
    return status === 200 ? text : null;
  });
const codeInLog = () => log.flatMap((line) => /[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}/.exec(line) ?? [])[0];

testFromRemote(
  "from another address the first account takes the code of the log, at every interface and with any header",
  async () => {
    await start();
    for (const headers of [{}, FORGED, { ...FORGED, Host: "127.0.0.1" }]) {
      const sent = { from: REMOTE_ADDRESS, headers };
      expect(await register(sent)).toEqual(REFUSED);
      expect(await register(sent, { setup_code: "AAAA-AAAA-AAAA-AAAA" })).toEqual(REFUSED);
      for (const path of ["/api/register", "/register"])
        expect(await register({ ...sent, headers: { ...headers, Accept: "application/json" } }, {}, path)).toEqual([
          403,
          "The first account needs the set-up code. The server writes it to its log when it starts.",
        ]);
      expect(await needed(sent)).toBeTrue();
      expect(await setupPage(sent)).toContain('name="setup_code"');
    }
    expect(
      await register({ from: REMOTE_ADDRESS }, { setup_code: codeInLog()!.toLowerCase().replaceAll("-", " ") }),
    ).toEqual(OWNER);
    expect(await needed({ from: REMOTE_ADDRESS })).toBeFalse();
    expect(await register({ from: REMOTE_ADDRESS }, { username: "bob", email: "bob@example.org" })).toEqual([
      201,
      "member",
    ]);
  },
);

testFromRemote("the set-up page takes the code, and shows at its field when it is wrong", async () => {
  await start();
  const submit = (setup_code: string, headers = {}) =>
    sendFrom(port, "/setup", {
      method: "POST",
      from: REMOTE_ADDRESS,
      headers: { "Content-Type": "application/x-www-form-urlencoded", Origin: "http://localhost", ...headers },
      body: new URLSearchParams({ ...ANN, setup_code }).toString(),
    });
  await setupPage();
  const wrong = await submit("AAAA-AAAA-AAAA-AAAA", FORGED);
  expect(wrong.status).toBe(403);
  expect(wrong.text).toContain("This is not the set-up code.");
  expect((await submit(codeInLog()!)).status).toBe(302);
});

test("on the server's own machine the first account takes no code, on the pages neither", async () => {
  await start();
  expect(await needed()).toBeFalse();
  expect(await setupPage()).not.toContain("setup_code");
  const form = await sendFrom(port, "/setup", {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded", Origin: "http://localhost" },
    body: new URLSearchParams(ANN).toString(),
  });
  expect(form.status).toBe(302);
});

test("through a proxy on the server's machine, or by another name for it, the first account takes the code", async () => {
  await start();
  const strange: Record<string, string>[] = [
    { "X-Forwarded-For": "203.0.113.5" },
    { "X-Forwarded-For": "127.0.0.1" },
    { "X-Real-IP": "127.0.0.1" },
    { "X-Forwarded-Proto": "https" },
    { Forwarded: "for=127.0.0.1" },
    { Via: "1.1 proxy" },
    { Host: "chat.example.org" },
    { Host: "localhost.example.org" },
    { Host: "127.0.0.1.example.org" },
  ];
  for (const headers of strange) expect(await register({ headers })).toEqual(REFUSED);
  expect(await setupPage({ headers: FORGED })).toContain('name="setup_code"');
  expect(await register({ headers: { "X-Usher-Local": "false" } })).toEqual(OWNER);
});

test("a trusted proxy on the server's machine decides who is on it; what a visitor wrote before is ignored", async () => {
  await start({ TRUSTED_PROXIES: "127.0.0.1,10.0.0.1" });
  for (const hops of ["203.0.113.5", "127.0.0.1, 203.0.113.5", "127.0.0.1, 10.0.0.1", "203.0.113.5, 127.0.0.1", ""])
    expect(await register({ headers: { "X-Forwarded-For": hops } })).toEqual(REFUSED);
  expect(await register({ headers: { "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "chat.example" } })).toEqual(
    REFUSED,
  );
  expect(await setupPage({ headers: { "X-Forwarded-For": "203.0.113.5" } })).toContain('name="setup_code"');
  expect(await register({ headers: { "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost" } })).toEqual(
    OWNER,
  );
});

test("a server with a public address asks every client for the code: a proxy may hide the client's address", async () => {
  await start({ PUBLIC_URL: "https://chat.example.org" });
  expect(await register()).toEqual(REFUSED);
  expect(await needed()).toBeTrue();
  expect(await register({}, { setup_code: codeInLog() })).toEqual(OWNER);
});

test("the log shows the code at each start until there is an account, the same one on every node", async () => {
  await start();
  const first = codeInLog();
  expect(first).toBeString();
  const { databaseUrl } = app;
  const another = async () => {
    const lines: string[] = [];
    const logger = createLogger({ LOG_LEVEL: "info", LOG_FORMAT: "json" }, { write: (line) => void lines.push(line) });
    await (await startTestApp({ DATABASE_URL: databaseUrl }, logger)).close();
    return lines.join("");
  };
  expect(await another()).toContain(first!);
  expect(await register()).toEqual(OWNER);
  expect(await another()).not.toContain("set-up code");
});

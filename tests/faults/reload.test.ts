import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { freePort } from "../support/free-port.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** SIGHUP to the program as it runs: it reads `.env` and the files of secrets again, and continues. */
const MAIN = join(import.meta.dirname, "../../src/main.ts");
const folder = mkdtempSync(join(tmpdir(), "usher-reload-"));
const secretFile = join(folder, "jwt-secret");
const OLD = "o".repeat(40);
const NEW = "n".repeat(40);
let database: TestDatabase;
let child: Bun.Subprocess<"ignore", "pipe", "inherit">;
let port: number;
let output = "";

beforeAll(async () => {
  database = await testDatabase();
  port = await freePort();
  writeFileSync(secretFile, `${OLD}\n`);
  writeFileSync(join(folder, ".env"), "LOG_LEVEL=info\n");
  child = Bun.spawn([process.execPath, "--no-env-file", MAIN], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: database.url,
      DATA_DIR: folder,
      HTTP_PORT: String(port),
      HTTP_HOST: "127.0.0.1",
      METRICS_ENABLED: "false",
      JWT_SECRET_FILE: secretFile,
      JWT_ISSUER: "https://issuer.example",
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  void (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) output += decoder.decode(bytes, { stream: true });
  })();
  await waitUntil("the server is ready", async () => (await fetch(`http://127.0.0.1:${port}/ready`)).ok);
}, 60_000);
afterAll(async () => {
  child.kill("SIGTERM");
  await child.exited;
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const tokenBy = (secret: string) =>
  new SignJWT({ sub: "guest" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("https://issuer.example")
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(secret));
const status = async (secret: string) => (await me({ authorization: `Bearer ${await tokenBy(secret)}` })).status;

/** A token of a minute that only opens connections. */
async function connectionToken(secret: string): Promise<string> {
  const headers = { authorization: `Bearer ${await tokenBy(secret)}`, "content-type": "application/json" };
  const url = `http://127.0.0.1:${port}/api/v1/auth/connection-tokens`;
  const response = await fetch(url, { method: "POST", headers, body: "{}" });
  return ((await response.json()) as { token: string }).token;
}
const open = (token: string) => openClient(port, { query: `?token=${token}` });
const me = (headers: Record<string, string>) => fetch(`http://127.0.0.1:${port}/api/v1/users/me`, { headers });

/** Sends SIGHUP and waits for a line of the log that is new and has this in it. */
async function reload(dotenv: string, line: string): Promise<string> {
  const before = output.length;
  writeFileSync(join(folder, ".env"), dotenv);
  child.kill("SIGHUP");
  await waitUntil(`the log says "${line}"`, () => output.slice(before).includes(line));
  return output.slice(before);
}

const viaProxy = async () =>
  (await me({ "x-forwarded-proto": "https", "x-forwarded-for": "9.9.9.9" })).headers.has("strict-transport-security");

test("a new secret, other proxies and another level are taken over; what needs a restart is named; it is written down", async () => {
  expect([await status(OLD), await status(NEW)]).toEqual([200, 401]);
  expect(await viaProxy()).toBe(false);
  expect(output).not.toContain('"level":"debug"');

  writeFileSync(secretFile, NEW);
  const printed = await reload("LOG_LEVEL=debug\nTRUSTED_PROXIES=127.0.0.1\nSESSION_TTL=1h\n", "needs a restart");
  expect(printed).toContain("needs a restart: SESSION_TTL");
  expect([await status(OLD), await status(NEW)]).toEqual([401, 200]);
  expect(await viaProxy()).toBe(true);
  await waitUntil("details are logged, by the parts too", () => output.includes('"level":"debug"'));

  const act = await waitUntil("it is in the audit log", async () => (await database.sql`SELECT * FROM audit`)[0]);
  expect(act).toMatchObject({ actor: "system", action: "config:reloaded" });
  expect(act.detail.changed).toEqual({ TRUSTED_PROXIES: "127.0.0.1", JWT_SECRET: "[changed]", LOG_LEVEL: "debug" });
  expect(output).not.toContain(NEW);
});

test("what was opened by a key ends when the key is changed, and nothing more is opened by what was made of it", async () => {
  const account = { username: "olga", email: "olga@example.org", password: "correct horse battery" };
  const made = await fetch(`http://127.0.0.1:${port}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(account),
  });
  const own = await open(((await made.json()) as { access_token: string }).access_token);
  const [before, kept] = [await connectionToken(NEW), await connectionToken(NEW)];
  const sockets = [await open(await tokenBy(NEW)), await open(before)];

  writeFileSync(secretFile, OLD);
  await reload("LOG_LEVEL=debug\nTRUSTED_PROXIES=127.0.0.1\n", "the settings were read again");
  for (const socket of sockets) expect(await socket.end()).toBe(4102);
  expect(open(kept)).rejects.toThrow("refused");
  const again = await open(await connectionToken(OLD));
  expect((await own.request("system:ping")).type).toBe("system:pong");
  for (const client of [own, again]) client.close();
});

test("a mistake is reported in a sentence, and changes nothing", async () => {
  const output = await reload("LOG_LEVL=info\nTRUSTED_PROXIES=\n", "Did you mean LOG_LEVEL?");
  expect(output).toContain("Line 1 of .env sets LOG_LEVL");
  expect(await viaProxy()).toBe(true);
  await reload("LOG_LEVEL=loud\n", "LOG_LEVEL must be one of");
  expect(child.exitCode).toBeNull();
});

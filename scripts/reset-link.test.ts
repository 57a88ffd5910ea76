import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRest } from "../sdk/rest.ts";
import { startTestApp, type TestApp } from "../tests/support/app.ts";
import { freePort } from "../tests/support/free-port.ts";

setDefaultTimeout(60_000);

let app: TestApp;
let folder: string;

beforeAll(async () => {
  app = await startTestApp();
  folder = mkdtempSync(join(tmpdir(), "usher-reset-link-"));
  const account = { email: "olga@example.org", username: "Olga", password: "forgotten by now" };
  await createRest({ url: app.url }).auth.register(account);
}, 60_000);
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The program beside a running server, as a person starts it; in a folder without a `.env`. */
async function run(...words: string[]) {
  return runOn(app.databaseUrl, words);
}

async function runOn(databaseUrl: string, words: string[], publicUrl: string | null = "https://chat.example/") {
  const program = join(import.meta.dirname, "reset-link.ts");
  const child = Bun.spawn([process.execPath, "--no-env-file", program, ...words], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      ...(publicUrl === null ? {} : { PUBLIC_URL: publicUrl }),
    },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { out, err, code: await child.exited };
}

const tokenIn = (out: string) => /^https:\/\/chat\.example\/reset\/([\w-]{43})$/m.exec(out)?.[1] ?? "";

test("the printed link sets a new password, once; an earlier link does not", async () => {
  const earlier = await run("olga");
  const { out, err, code } = await run("Olga@Example.org");
  expect([err, code]).toEqual(["", 0]);
  expect(out).toContain("within an hour");
  expect(out).toContain("Olga");

  const { auth } = createRest({ url: app.url });
  expect(auth.resetPassword(tokenIn(earlier.out), "another password")).rejects.toMatchObject({ code: "token_expired" });
  await auth.resetPassword(tokenIn(out), "a new password");
  expect(auth.resetPassword(tokenIn(out), "another password")).rejects.toMatchObject({ code: "token_expired" });
  expect(auth.login({ username: "olga", password: "forgotten by now" })).rejects.toMatchObject({
    code: "invalid_credentials",
  });
  expect((await auth.login({ username: "olga", password: "a new password" })).user.role).toBe("owner");
});

test("the link is not on the owner's page", async () => {
  await run("olga");
  const { access_token } = await createRest({ url: app.url }).auth.login({
    username: "olga",
    password: "a new password",
  });
  const headers = { authorization: `Bearer ${access_token}` };
  const response = await fetch(`${app.url}/api/v1/admin/password-reset-links`, { headers });
  expect(await response.json()).toEqual({ data: [] });
});

test("a database that no Usher has made its own yet", async () => {
  const { out, err, code } = await runOn(new URL("/postgres", app.databaseUrl).href, ["olga"]);
  expect({ out, code }).toEqual({ out: "", code: 1 });
  expect(err).toStartWith("This database has no accounts yet.");
});

test("an unknown name, and no name at all: a sentence, and an exit code for scripts", async () => {
  const stranger = { out: "", err: 'No account made on this server has the name or address "unknown".\n', code: 1 };
  expect(await run("unknown")).toEqual(stranger);
  const usage = { out: "", err: "Usage: npm run reset-link -- NAME_OR_EMAIL\n", code: 2 };
  expect(await run()).toEqual(usage);
  expect(await run("olga", "ann")).toEqual(usage);
});

test("without PUBLIC_URL the link leads to where the server that runs listens", async () => {
  const port = await freePort();
  const other = await startTestApp({ HTTP_PORT: String(port) });
  try {
    const account = { email: "olga@example.org", username: "Olga", password: "forgotten by now" };
    await createRest({ url: other.url }).auth.register(account);
    const { out, code } = await runOn(other.databaseUrl, ["olga"], null);
    expect(code).toBe(0);
    const link = /^http:.*$/m.exec(out)?.[0] ?? "";
    expect(link).toStartWith(`http://localhost:${port}/reset/`);
    expect((await fetch(link)).status).toBe(200);
  } finally {
    await other.close();
  }
});

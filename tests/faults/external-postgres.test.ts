import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDatabase } from "../../src/platform/postgres/database-server.ts";
import { checkExternal } from "../../src/platform/postgres/external.ts";
import { migrateUp } from "../../src/platform/postgres/migrate.ts";
import { MIGRATIONS } from "../../src/platform/postgres/migration-sets.ts";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import { startTestApp } from "../support/app.ts";
import { freePort } from "../support/free-port.ts";
import { startTestServer } from "../support/postgres-server.ts";
import { waitUntil } from "../support/wait-until.ts";

let server: Awaited<ReturnType<typeof startTestServer>>;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

function changeUrl(change: (url: URL) => void): string {
  const url = new URL(server.url);
  change(url);
  return url.href;
}

async function refusal(url: string): Promise<string> {
  const error = await checkExternal(url, () => {}, 500).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toHaveProperty("name", "StartError");
  return error instanceof Error ? error.message : "";
}

test("DATABASE_URL is used as it is, migrated, and left running", async () => {
  const url = changeUrl((u) => {
    u.username = "usher";
    u.pathname = "usher";
  });
  const database = await startDatabase({ DATABASE_URL: url, DATA_DIR: "/nowhere" }, () => {});
  expect(database.url).toBe(url);
  expect((await migrateUp(url, MIGRATIONS)).length).toBeGreaterThan(0);
  await database.stop();
  await checkExternal(url, () => {});
});

test("two nodes that start at the same time migrate once", async () => {
  const url = changeUrl((u) => {
    u.pathname = "template1";
  });
  const applied = await Promise.all([migrateUp(url, MIGRATIONS), migrateUp(url, MIGRATIONS)]);
  expect(applied.map((names) => names.length > 0).sort()).toEqual([false, true]);
});

test("no server, no such database, no such role: a sentence each, without the password", async () => {
  const port = await freePort();
  const gone = await refusal(`postgres://usher:hunter2@127.0.0.1:${port}/usher`);
  expect(gone).toContain(`No PostgreSQL responds at 127.0.0.1:${port}`);
  expect(gone).not.toContain("hunter2");
  expect(await refusal(changeUrl((u) => (u.pathname = "/missing")))).toContain('has no database "missing"');
  expect(await refusal(changeUrl((u) => (u.username = "stranger")))).toContain("refuses the sign-in");
});

test("a missing password and TLS that the server does not speak: a sentence each", async () => {
  const { sql, close } = openDatabase(server.url, { max: 1, timeoutMs: null });
  const [row] = await sql<{ file: string }[]>`SELECT current_setting('hba_file') AS file`;
  writeFileSync(row!.file, `host all locked all scram-sha-256\n${readFileSync(row!.file, "utf8")}`);
  await sql`CREATE ROLE locked LOGIN PASSWORD 'hunter2'`;
  await sql`SELECT pg_reload_conf()`;
  await close();
  const locked = changeUrl((u) => (u.username = "locked"));
  expect(await waitUntil("the rule is read", () => refusal(locked).catch(() => null))).toContain(
    "has none: postgres://",
  );
  expect(await refusal(changeUrl((u) => u.searchParams.set("sslmode", "require")))).toContain("Check DATABASE_URL.");
});

test("the role and the database that docs/operating.md makes are all that a start needs", async () => {
  const guide = readFileSync(join(import.meta.dirname, "../../docs/operating.md"), "utf8");
  const statements = [...guide.matchAll(/^ {4}(CREATE (?:ROLE|DATABASE) .*;)$/gm)].map(([, statement]) => statement!);
  expect(statements).toHaveLength(2);
  const url = new URL(/^ {4}DATABASE_URL=(\S+) npm run migrate -- up$/m.exec(guide)?.[1] ?? "");

  const fresh = await startTestServer();
  url.port = new URL(fresh.url).port;
  const { sql, close } = openDatabase(fresh.url, { max: 1, timeoutMs: null });
  // The tests' server is made with both; another PostgreSQL has neither, and asks for passwords.
  await sql`DROP DATABASE usher`;
  await sql`DROP ROLE usher`;
  const [row] = await sql<{ file: string }[]>`SELECT current_setting('hba_file') AS file`;
  writeFileSync(row!.file, `host all usher all scram-sha-256\n${readFileSync(row!.file, "utf8")}`);
  await sql`SELECT pg_reload_conf()`;
  for (const statement of statements) await sql.unsafe(statement);
  await close();

  const wrong = new URL(url);
  wrong.password = "another";
  await waitUntil("the rule is read", async () =>
    (await refusal(wrong.href).catch(() => "")).includes("refuses the sign-in"),
  );
  expect((await migrateUp(url.href, MIGRATIONS)).length).toBeGreaterThan(0);
  const app = await startTestApp({ DATABASE_URL: url.href, MIGRATE_ON_START: "false" });
  expect((await fetch(`${app.url}/ready`)).status).toBe(200);
  const account = { email: "ann@example.org", username: "ann", password: "correct horse" };
  const made = await fetch(`${app.url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(account),
  });
  expect(made.status).toBe(201);
  await app.close();
  await fresh.stop();
}, 60_000);

test("it waits for a server that is still starting, and says so once", async () => {
  const port = await freePort();
  const logged: string[] = [];
  const waiting = checkExternal(`postgres://postgres@127.0.0.1:${port}/postgres`, (sentence) => logged.push(sentence));
  const late = await startTestServer(port);
  await waiting;
  await late.stop();
  expect(logged).toEqual([`Waiting for the PostgreSQL at 127.0.0.1:${port} …`]);
});

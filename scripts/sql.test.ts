import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestDatabase, testDatabase } from "../tests/support/postgres.ts";

setDefaultTimeout(60_000);
let database: TestDatabase;
const folder = mkdtempSync(join(tmpdir(), "usher-sql-"));
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

async function run(words: string[], input = "") {
  const child = Bun.spawn([process.execPath, "--no-env-file", join(import.meta.dirname, "sql.ts"), ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH, DATABASE_URL: database.url },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { out, err, code: await child.exited };
}

test("statements by -c are run, and their result is a table", async () => {
  expect(
    await run(["-c", "CREATE TABLE facts (n int, word text); INSERT INTO facts VALUES (1, 'one'), (22, NULL)"]),
  ).toEqual({
    out: "CREATE\nINSERT 2\n",
    err: "",
    code: 0,
  });
  const { out } = await run(["-c", "SELECT * FROM facts ORDER BY n"]);
  expect(out).toBe("n   word\n1   one\n22\n(2 rows)\n\n");
});

test("statements by standard input are run one after the other, over lines, until one fails", async () => {
  const { out, err, code } = await run([], "SELECT 1\n  AS one;\nSELECT nonsense;\nSELECT 3 AS three;\n");
  expect(out).toBe("one\n1\n(1 row)\n\n");
  expect(err).toBe('PostgreSQL says: column "nonsense" does not exist\n');
  expect(code).toBe(1);
});

test("the statements of the runbook run", async () => {
  const runbook = await Bun.file(join(import.meta.dirname, "../docs/operating.md")).text();
  const printed = [...runbook.matchAll(/npm run sql -- -c "([^"]+)"/g)].map(([, statement]) => statement!);
  expect(printed.length).toBeGreaterThan(1);
  for (const statement of printed) expect(await run(["-c", statement])).toMatchObject({ err: "", code: 0 });
});

test("anything else prints the usage", async () => {
  expect(await run(["SELECT 1"])).toMatchObject({ code: 2, err: expect.stringContaining("npm run sql -- -c") });
});

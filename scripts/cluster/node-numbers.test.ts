import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../tests/support/free-port.ts";
import { testDatabase } from "../../tests/support/postgres.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";

test("npm run cluster names each node by the number that the admin's list has, with a URL of its own", async () => {
  const database = await testDatabase();
  const folder = mkdtempSync(join(tmpdir(), "usher-cluster-"));
  const http = await freePort();
  const child = Bun.spawn([process.execPath, "--no-env-file", join(import.meta.dirname, "../cluster.ts"), "2"], {
    cwd: join(import.meta.dirname, "../.."),
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: database.url,
      DATA_DIR: folder,
      HTTP_PORT: String(http),
      GRPC_PORT: String(await freePort()),
      METRICS_PORT: String(await freePort()),
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  const read = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) output += decoder.decode(bytes, { stream: true });
  })();
  try {
    await waitUntil("both run", () => output.includes("Usher on 2 nodes"), 60_000);
    const printed = [...output.matchAll(/is node (\d+): http:\/\/localhost:(\d+)$/gm)].map(([, id, port]) => [
      Number(id),
      port,
    ]);
    const rows = await database.sql<{ id: number; port: string }[]>`
      SELECT id, split_part(address, ':', 2) AS port FROM nodes WHERE address <> ''`;
    const byPort = (a: unknown[], b: unknown[]) => Number(a[1]) - Number(b[1]);
    expect(printed.sort(byPort)).toEqual(rows.map(({ id, port }) => [id, port]).sort(byPort));
    expect(printed.map(([, port]) => port)).toEqual([String(http + 1), String(http + 2)]);
    for (const [id] of printed) expect(output).toMatch(new RegExp(`^node ${id}  .*Usher is ready`, "m"));
  } finally {
    child.kill("SIGTERM");
    await child.exited;
    await read;
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

import { expect } from "bun:test";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { testDatabase } from "../support/postgres.ts";
import { testWith } from "../support/tools.ts";

/** Parts of later issues, SKIPPED until then. */
const LATER = ["nats sub 'message.*'", "k6 run k6/loadtest.js"];

testWith(
  "grpcurl",
  "websocat",
  "curl",
  "make",
)(
  "every printed command runs unchanged",
  async () => {
    const database = await testDatabase();
    try {
      const ports = { HTTP_PORT: await freePort(), METRICS_PORT: await freePort(), GRPC_PORT: await freePort() };
      const run = Bun.spawn(["sh", "tests/printed-commands.sh"], {
        cwd: join(import.meta.dirname, "../.."),
        env: {
          ...process.env,
          ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
          DATABASE_URL: database.url,
        },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "inherit",
      });
      const lines = (await new Response(run.stdout).text()).trim().split("\n");
      const listed = (word: string) => lines.filter((line) => line.startsWith(word)).map((line) => line.slice(9));
      expect(lines.filter((line) => !/^(PASS|SKIPPED) /.test(line))).toEqual([]);
      expect(listed("SKIPPED").map((line) => line.split(": ")[0])).toEqual(LATER);
      expect(listed("PASS").length).toBeGreaterThan(20);
      expect(await run.exited).toBe(0);
    } finally {
      await database.close();
    }
  },
  180_000,
);

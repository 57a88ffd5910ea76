import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../src/platform/clock.ts";
import { createIds } from "../../src/platform/nodes/ids.ts";
import { leaseNode } from "../../src/platform/nodes/lease.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { waitUntil } from "../support/wait-until.ts";

/** As in earnest, a tenth as long. */
const times = { renew: 300, fence: 1_000, free: 2_500 };

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

test("a node that was frozen for longer than its lease makes no id under the number that another has by now", async () => {
  const { sql } = database;
  const program = join(import.meta.dirname, "fencing-process.ts");
  const frozen = Bun.spawn([process.execPath, program, database.url, JSON.stringify(times)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines: string[] = [];
  const reading = (async () => {
    let rest = "";
    for await (const chunk of frozen.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
    }
  })();
  await waitUntil("it makes ids", () => lines.length > 20);
  frozen.kill("SIGSTOP");
  const number = parseNode(lines[0]!);
  await waitUntil("its number is free", async () => {
    const [row] =
      await sql`SELECT seen_at < clock_timestamp() - interval '2.5 s' AS free FROM nodes WHERE id = ${number}`;
    return row!.free;
  });
  const lease = await leaseNode({ sql, onError: (error) => Promise.reject(error), times });
  expect(lease.node).toBe(number);
  const ids = createIds({ lease, clock: systemClock });
  const others = new Set<string>();
  const timer = setInterval(() => others.add(ids.next()), 1);

  const before = lines.length;
  frozen.kill("SIGCONT");
  await waitUntil("it has another number", () =>
    lines.some((line) => line !== "refused" && parseNode(line) !== number),
  );
  clearInterval(timer);
  frozen.stdin.end();
  await Promise.all([frozen.exited, reading]);
  await lease.stop();

  const made = lines.filter((line) => line !== "refused");
  const underTheOldNumber = lines.slice(before).filter((line) => line !== "refused" && parseNode(line) === number);
  const thawedAt = Math.min(...[...others].map(parseMs));
  expect(underTheOldNumber.filter((id) => parseMs(id) >= thawedAt)).toEqual([]);
  expect(made.filter((id) => others.has(id))).toEqual([]);
  expect(new Set(made).size).toBe(made.length);
  expect(lines.indexOf("refused")).toBeGreaterThan(0);
  expect(others.size).toBeGreaterThan(0);
});

function parseNode(id: string): number {
  return Number((BigInt(id) >> 12n) & 1023n);
}

function parseMs(id: string): number {
  return Number(BigInt(id) >> 22n);
}

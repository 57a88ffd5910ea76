import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedPostgres, startEmbedded } from "../../src/platform/postgres/embedded.ts";
import { migrateUp } from "../../src/platform/postgres/migrate.ts";
import { MIGRATIONS } from "../../src/platform/postgres/migration-sets.ts";
import { type Appended, findFaults, LogObserver, readHeads, readWholeLog } from "../support/log-checker.ts";
import { type LogNode, startLogNode } from "../support/log-node.ts";
import { chooseSeed, seeded } from "../support/seeded.ts";
import { waitUntil } from "../support/wait-until.ts";
import { followIntoTable, readConsumed, writeUntilStopped } from "./log-load.ts";

const KILLS = Math.max(3, Number(process.env.LOG_TEST_SECONDS ?? 0) / 2);

let folder: string;
let server: EmbeddedPostgres;
let node: LogNode;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "usher-log-"));
  server = await startEmbedded({ dataDir: folder });
  await migrateUp(server.url, MIGRATIONS);
  node = await startLogNode(server.url, { max: 30, onError: () => {} });
}, 60_000);

afterAll(async () => {
  await node.stop();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

test("PostgreSQL is killed in the middle of a load: what was acknowledged is there, dense, and delivered once", async () => {
  const seed = chooseSeed("log-postgres-killed");
  const random = seeded(seed);
  const witness = new LogObserver();
  await node.tail.addConsumer({
    name: "observer",
    from: "now",
    handle: ({ entries }) => Promise.resolve(witness.observe(entries)),
  });
  await followIntoTable(node, random);

  const acknowledged: Appended[] = [];
  let stop = false;
  const load = { prefix: "load", writers: 20, random, stop: () => stop };
  const written = writeUntilStopped(node, load, (entry) => acknowledged.push(entry));
  for (let kill = 0; kill < KILLS; kill++) {
    const before = acknowledged.length;
    await waitUntil("the load goes on", () => acknowledged.length > before + 50 && server.pid() !== null);
    await Bun.sleep(random.int(0, 700));
    process.kill(server.pid()!, "SIGKILL");
  }
  const before = acknowledged.length;
  await waitUntil("the load goes on after the last restart", () => acknowledged.length > before + 50);
  stop = true;
  const doubtful = await written;

  const log = await readWholeLog(node.sql);
  const heads = await readHeads(node.sql);
  expect(findFaults(log, heads, acknowledged, (id) => doubtful.has(id))).toEqual([]);
  await waitUntil("the observer has seen the newest entry of each room", () => witness.isAtHead(heads));
  expect([witness.countMissed(log), witness.outOfOrder, witness.repeated]).toEqual([0, 0, 0]);

  await waitUntil(
    "the stored consumer has delivered everything",
    async () => (await readConsumed(node.sql)).length >= log.length,
  );
  const consumed = new LogObserver();
  consumed.observe(await readConsumed(node.sql));
  expect([consumed.countMissed(log), consumed.outOfOrder, consumed.repeated]).toEqual([0, 0, 0]);
  console.log(
    `log-postgres-killed: ${KILLS} kills, ${acknowledged.length} acknowledged, ${doubtful.size} ids in doubt, ${log.length} in the log`,
  );
}, 600_000);

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Appended, entryId, LogObserver, readHeads } from "../../../tests/support/log-checker.ts";
import { type LogNode, startLogNode } from "../../../tests/support/log-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { chooseSeed, type Seeded, seeded } from "../../../tests/support/seeded.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import type { Sql } from "../postgres/sql.ts";
import type { LogEntry } from "./entry.ts";

/**
 * Why consumers of the whole log move by checkpoints. Three cursors that look right are run beside them over the same load and checked by the same
 * checker: each loses entries or breaks the order of a room. So the checker itself is tested too.
 */

const WRITERS = 20;
const ROOMS = 12;
const LOAD_MS = 4_000;
const LONG_MS = 2_500;

let database: TestDatabase;
let node: LogNode;

beforeAll(async () => {
  database = await testDatabase();
  node = await startLogNode(database.url, { max: WRITERS + 10 });
  await node.sql`ALTER TABLE log ADD COLUMN serial bigserial`;
  await node.sql`CREATE INDEX ON log (serial)`;
  await node.sql`CREATE TABLE state (writer int PRIMARY KEY, n int NOT NULL DEFAULT 0)`;
  await node.sql`INSERT INTO state (writer) SELECT generate_series(0, ${WRITERS})`;
});

afterAll(async () => {
  await node.stop();
  await database.close();
});

interface Row extends LogEntry {
  serial: number;
  xid: string;
}

/** Each asks for what is new since its cursor, and moves the cursor as people commonly do. */
const wrongCursors: Record<string, (sql: Sql) => () => Promise<Row[]>> = {
  "serial > last": (sql) => {
    let last = 0;
    return async () => {
      const rows = await sql<Row[]>`
        SELECT r.name AS room, seq::float8, type, payload, serial::float8, xid::text FROM log l JOIN rooms r ON r.id = l.room_id
        WHERE serial > ${last} ORDER BY serial`;
      last = rows.at(-1)?.serial ?? last;
      return rows;
    };
  },
  "xid below the horizon, by xid": (sql) => {
    let last = "0";
    return async () => {
      const rows = await sql<Row[]>`
        SELECT r.name AS room, seq::float8, type, payload, serial::float8, xid::text FROM log l JOIN rooms r ON r.id = l.room_id
        WHERE xid > ${last}::xid8 AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY l.xid, serial`;
      last = rows.at(-1)?.xid ?? last;
      return rows;
    };
  },
  "windows of xids, each by room and seq": (sql) => {
    let last = "0";
    return async () => {
      const rows = await sql<Row[]>`
        SELECT r.name AS room, seq::float8, type, payload, serial::float8, xid::text FROM log l JOIN rooms r ON r.id = l.room_id
        WHERE xid > ${last}::xid8 AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY room_id, seq`;
      for (const { xid } of rows) if (BigInt(xid) > BigInt(last)) last = xid;
      return rows;
    };
  },
};

test("checkpoints deliver everything once and in order, where three other cursors do not", async () => {
  const seed = chooseSeed("cursors");
  const byCheckpoints = new LogObserver();
  await node.tail.addConsumer({
    name: "checkpoints",
    from: "stored",
    handle: ({ entries }) => Promise.resolve(byCheckpoints.observe(entries)),
  });
  let done = false;
  const wrong = Object.entries(wrongCursors).map(([name, open]) => {
    const witness = new LogObserver();
    const next = open(node.sql);
    const running = (async () => {
      while (!done) {
        witness.observe(await next());
        await Bun.sleep(5);
      }
      witness.observe(await next());
    })();
    return { name, witness, running };
  });

  const end = performance.now() + LOAD_MS;
  const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer, seeded(seed + writer), end));
  await Promise.all([...writers, writeLate()]);
  done = true;
  await Promise.all(wrong.map(({ running }) => running));
  const heads = await readHeads(node.sql);
  await waitUntil("the consumer by checkpoints has seen the newest entry of each room", () =>
    byCheckpoints.isAtHead(heads),
  );

  const expected: Appended[] = node.published.map(({ room, seq, payload }) => ({ room, seq, id: entryId(payload) }));
  const countMistakes = ({ witness }: { witness: LogObserver }) => ({
    missed: witness.countMissed(expected),
    outOfOrder: witness.outOfOrder,
    repeated: witness.repeated,
  });
  console.log(
    `cursors: ${expected.length} entries; ${wrong.map((w) => `${w.name}: ${JSON.stringify(countMistakes(w))}`).join("; ")}`,
  );
  expect(countMistakes({ witness: byCheckpoints })).toEqual({ missed: 0, outOfOrder: 0, repeated: 0 });
  const [bySerial, byXid, byWindow] = wrong.map(countMistakes);
  expect(bySerial!.missed).toBeGreaterThan(0);
  expect(byXid!.outOfOrder).toBeGreaterThan(0);
  expect(byWindow!.outOfOrder + byWindow!.missed).toBeGreaterThan(0);
}, 60_000);

async function write(writer: number, random: Seeded, end: number): Promise<void> {
  for (let i = 0; performance.now() < end; i++) {
    const rooms = Array.from({ length: random.int(1, 3) }, () => random.int(1, ROOMS));
    await node
      .transaction({ actor: String(writer) }, async (tx) => {
        if (random.chance(0.5)) await tx.sql`UPDATE state SET n = n + 1 WHERE writer = ${writer}`;
        await Bun.sleep(random.int(0, 20));
        rooms.forEach((room, k) => {
          tx.log(`event:${room}`, "test", { id: `${writer}-${i}-${k}` });
        });
        if (random.chance(0.1)) throw new Error("abort");
      })
      .catch((error: Error) => {
        if (error.message !== "abort") throw error;
      });
  }
}

/** One transaction that is open nearly all the time: it has its number early and its entry late. */
function writeLate(): Promise<void> {
  return node.transaction({ actor: "late" }, async (tx) => {
    await tx.sql`UPDATE state SET n = n + 1 WHERE writer = ${WRITERS}`;
    await Bun.sleep(LONG_MS);
    tx.log("event:1", "test", { id: "late" });
  });
}

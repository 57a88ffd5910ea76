import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEpoch } from "../src/platform/log/epoch.ts";
import { createLogReader } from "../src/platform/log/reader.ts";
import { startEmbedded } from "../src/platform/postgres/embedded.ts";
import { openDatabase } from "../src/platform/postgres/pool.ts";
import type { Sql } from "../src/platform/postgres/sql.ts";
import { Histogram } from "./load/histogram.ts";
import { LoadSocket } from "./load/socket.ts";
import { report } from "./report.ts";
import { startUsher } from "./usher.ts";

const ENTRIES = Number(process.env.BENCH_ENTRIES ?? 2_000_000);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const SOCKETS = 20;

/** Joins from the first entry of a room with two million: each in the database, and what 20 sockets that repeat it do to a neighbour. */
export async function oldPosition(): Promise<void> {
  const embedded = await startEmbedded({ dataDir: mkdtempSync(join(tmpdir(), "usher-bench-old-")) });
  const usher = await startUsher({ DATABASE_URL: embedded.url });
  const { sql, close } = openDatabase(embedded.url, { max: 1, timeoutMs: null });
  await fill(sql);
  const inDatabase = new Histogram();
  const reader = createLogReader({ sql, epoch: await createEpoch(sql) });
  for (let n = 0; n < 200; n++) inDatabase.add(await measureMs(() => reader.slice("event:old", n)));
  const target = { host: usher.target.host, port: usher.target.ports[0]! };
  const alone = await measureOtherJoins(target);
  let joins = 0;
  let going = true;
  const others = Array.from({ length: SOCKETS }, async () => {
    const join = await openJoiner(target);
    for (; going; joins++) await join({ room: "event:old", since: 0 });
  });
  const beside = await measureOtherJoins(target);
  going = false;
  await Promise.all(others);
  await close();
  await usher.stop();
  await embedded.stop();
  report(
    "old-position",
    [
      { what: "a read from the first entry, by the database", ...inDatabase.summary() },
      { what: "a neighbour's join, alone", ...alone },
      { what: `a neighbour's join beside ${SOCKETS} sockets`, ...beside },
    ],
    [`${ENTRIES.toLocaleString("en-US")} entries in the room; the sockets joined it ${joins} times from 0; ms`],
  );
}

async function fill(sql: Sql): Promise<void> {
  await sql`INSERT INTO rooms (id, name, head) VALUES (1, 'event:old', ${ENTRIES})`;
  for (let from = 0; from < ENTRIES; from += 200_000)
    await sql`
      INSERT INTO log (room_id, seq, at, type, payload)
      SELECT 1, n, clock_timestamp(), 'test', '{"text":"' || repeat('x', 60) || '"}'
      FROM generate_series(${from}::int + 1, ${Math.min(ENTRIES, from + 200_000)}::int) n`;
}

/** Joins of an ordinary room, one every 20 ms. */
async function measureOtherJoins(target: { host: string; port: number }) {
  const join = await openJoiner(target);
  const times = new Histogram();
  for (const end = performance.now() + SECONDS * 1_000; performance.now() < end; await Bun.sleep(20))
    times.add(await measureMs(() => join({ room: "event:other", since: 0 })));
  return times.summary();
}

/** An anonymous socket that joins, and waits for each reply. */
async function openJoiner(target: { host: string; port: number }): Promise<(payload: object) => Promise<void>> {
  const socket = await LoadSocket.open(target, "/ws");
  let replied = Promise.withResolvers<void>();
  let ids = 0;
  socket.onFrame = (bytes, start, end) => {
    const { id } = JSON.parse(Buffer.from(bytes.subarray(start, end)).toString());
    if (id === ids) replied.resolve();
  };
  return (payload) => {
    replied = Promise.withResolvers();
    socket.send(JSON.stringify({ type: "room:join", id: ++ids, payload }));
    return replied.promise;
  };
}

async function measureMs(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

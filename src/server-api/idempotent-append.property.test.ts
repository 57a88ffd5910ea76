import { expect, test } from "bun:test";
import { startLogNode } from "../../tests/support/log-node.ts";
import { testDatabase } from "../../tests/support/postgres.ts";
import { chooseSeed, seeded } from "../../tests/support/seeded.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import { openDatabase } from "../platform/postgres/pool.ts";
import { createIdempotentAppend } from "./idempotent-append.ts";

test("whatever nodes append at the same time, each entry is in its room once, with the seq that was returned and published", async () => {
  const random = seeded(chooseSeed("idempotent append"));
  const database = await testDatabase();
  const nodes = await Promise.all([startLogNode(database.url), startLogNode(database.url)]);
  const published: LogEntry[] = [];
  const batches = nodes.map(() => openDatabase(database.url, { max: 1 }));
  const appends = nodes.map(({ sql, ids }, i) =>
    createIdempotentAppend({ sql, batchSql: batches[i]!.sql, ids, publish: (entries) => published.push(...entries) }),
  );
  const rooms = Array.from({ length: 12 }, (_, n) => `user:${n}`);
  // Another transaction locks a room for longer than an append waits: only appends to it are delayed, or refused.
  const locked = Promise.withResolvers<void>();
  const lockHolder = nodes[0]!.sql.begin(async (tx) => {
    await tx`SELECT * FROM log_append(ARRAY['user:0'], ARRAY[5::bigint], ARRAY['lock:first'], ARRAY['{}'], ARRAY[NULL])`;
    locked.resolve();
    await Bun.sleep(1_500);
  });
  await locked.promise;
  const callers = Array.from({ length: 40 }, async (_, caller) => {
    const results: LogEntry[] = [];
    for (let n = 0; n < 25; n++) {
      const room = rooms[random.int(0, rooms.length - 1)]!;
      const entry = { room, type: "note:new", payload: JSON.stringify({ caller, n }), meta: null };
      const result = await appends[caller % 2]!(entry);
      expect([result?.room, result?.payload]).toEqual([entry.room, entry.payload]);
      results.push(result!);
      if (random.chance(0.1)) await Bun.sleep(random.int(0, 10));
    }
    return results;
  });
  const results = (await Promise.all(callers)).flat();
  await lockHolder;

  const { sql } = nodes[0]!;
  const stored = await sql<LogEntry[]>`
    SELECT r.name AS room, l.seq::float8, l.type, l.payload FROM log l JOIN rooms r ON r.id = l.room_id
    WHERE l.type = 'note:new' ORDER BY r.name, l.seq`;
  const text = ({ room, seq, payload }: LogEntry) => `${room} ${seq} ${payload}`;
  expect(results.map(text).sort()).toEqual(stored.map(text).sort());
  expect(published.map(text).sort()).toEqual(stored.map(text).sort());
  for (const room of rooms) {
    const seqs = stored.filter((entry) => entry.room === room).map(({ seq }) => seq);
    const first = room === "user:0" ? 2 : 1;
    expect(seqs).toEqual(seqs.map((_, i) => i + first));
  }
  for (const { close } of batches) await close();
  for (const node of nodes) await node.stop();
  await database.close();
}, 60_000);

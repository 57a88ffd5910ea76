import { expect, test } from "bun:test";
import { startLogNode } from "../../tests/support/log-node.ts";
import { testDatabase } from "../../tests/support/postgres.ts";
import { chooseSeed, seeded } from "../../tests/support/seeded.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import { openDatabase } from "../platform/postgres/pool.ts";
import { createBatchedAppend } from "./batched-append.ts";

test("whatever nodes keep at the same time, each entry is in its room once, with the number that was answered and shown", async () => {
  const random = seeded(chooseSeed("keeping"));
  const database = await testDatabase();
  const nodes = await Promise.all([startLogNode(database.url), startLogNode(database.url)]);
  const shown: LogEntry[] = [];
  const batches = nodes.map(() => openDatabase(database.url, { max: 1 }));
  const keeps = nodes.map(({ sql, ids }, i) =>
    createBatchedAppend({ sql, batchSql: batches[i]!.sql, ids, publish: (entries) => shown.push(...entries) }),
  );
  const rooms = Array.from({ length: 12 }, (_, n) => `user:${n}`);
  // Somebody holds a few rooms for longer than an append waits: only those who speak there are held up, or told so.
  const holding = Promise.withResolvers<void>();
  const held = nodes[0]!.sql.begin(async (tx) => {
    await tx`SELECT * FROM log_append(ARRAY['user:0'], ARRAY[5::bigint], ARRAY['held:first'], ARRAY['{}'], ARRAY[NULL])`;
    holding.resolve();
    await Bun.sleep(1_500);
  });
  await holding.promise;
  const callers = Array.from({ length: 40 }, async (_, caller) => {
    const answers: LogEntry[] = [];
    for (let n = 0; n < 25; n++) {
      const room = rooms[random.int(0, rooms.length - 1)]!;
      const entry = { room, type: "note:new", payload: JSON.stringify({ caller, n }), meta: null };
      const answer = await keeps[caller % 2]!(entry);
      expect([answer.room, answer.payload]).toEqual([entry.room, entry.payload]);
      answers.push(answer);
      if (random.chance(0.1)) await Bun.sleep(random.int(0, 10));
    }
    return answers;
  });
  const answers = (await Promise.all(callers)).flat();
  await held;

  const { sql } = nodes[0]!;
  const kept = await sql<LogEntry[]>`
    SELECT r.name AS room, l.seq::float8, l.type, l.payload FROM log l JOIN rooms r ON r.id = l.room_id
    WHERE l.type = 'note:new' ORDER BY r.name, l.seq`;
  const text = ({ room, seq, payload }: LogEntry) => `${room} ${seq} ${payload}`;
  expect(answers.map(text).sort()).toEqual(kept.map(text).sort());
  expect(shown.map(text).sort()).toEqual(kept.map(text).sort());
  for (const room of rooms) {
    const seqs = kept.filter((entry) => entry.room === room).map(({ seq }) => seq);
    const first = room === "user:0" ? 2 : 1;
    expect(seqs).toEqual(seqs.map((_, i) => i + first));
  }
  for (const { close } of batches) await close();
  for (const node of nodes) await node.stop();
  await database.close();
}, 60_000);

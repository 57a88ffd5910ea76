import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readAudit } from "../src/admin/store/audit.ts";
import { listDeliveries } from "../src/bridges/webhooks/store/deliveries.ts";
import { insertDeliveries } from "../src/bridges/webhooks/store/recording.ts";
import { claimDue } from "../src/bridges/webhooks/store/sending.ts";
import { countPending } from "../src/bridges/webhooks/store/sweeping.ts";
import { viewChannel } from "../src/chat/store/channels.ts";
import { findMessagesByAuthor, pageMessages, pageReplies } from "../src/chat/store/messages.ts";
import { findLogPartitions, replaceName } from "../src/chat/store/names-in-log.ts";
import { countUnread } from "../src/chat/store/read-marks.ts";
import { findOwnerAddresses, listBans } from "../src/identity/store/bans.ts";
import { listInvites } from "../src/identity/store/invites.ts";
import { deleteExpiredSessions, listSessions } from "../src/identity/store/sessions.ts";
import { ownerExists } from "../src/identity/store/users.ts";
import { createLogReader } from "../src/platform/log/reader.ts";
import { createWindowCache } from "../src/platform/log/windows.ts";
import type { Sql } from "../src/platform/postgres/sql.ts";
import { createPostgresPresence } from "../src/realtime/presence/postgres-store.ts";
import { findWindow } from "../src/server-api/store/changes.ts";
import { pageRoom } from "../src/server-api/store/history.ts";
import { isAppended } from "../src/server-api/store/idempotency-mark.ts";
import { BIG, fillTables } from "./support/full-tables.ts";
import { type LogNode, startLogNode } from "./support/log-node.ts";
import { type TestDatabase, testDatabase } from "./support/postgres.ts";
import { countRowsRead } from "./support/rows-read.ts";

/** What callers can ask for costs as much as they get, not as much as there is: rows read, by PostgreSQL's own count. */
const ROWS = 20_000;

let database: TestDatabase;
let node: LogNode;
/** The checkpoint before the last 20,000 entries. */
let farLagging: number;
beforeAll(async () => {
  database = await testDatabase();
  node = await startLogNode(database.url);
  await fillTables(database.sql, ROWS);
  await database.sql`UPDATE messages SET reply_to_id = 1 WHERE id > 1`;
  farLagging = await newest(database.sql);
  await database.sql`INSERT INTO rooms (id, name, head) VALUES (2, 'event:late', 20000)`;
  // Twenty checkpoints of a thousand entries each.
  for (let checkpoint = 0; checkpoint < 20; checkpoint++) {
    await database.sql`
      INSERT INTO log (room_id, seq, at, type, payload)
      SELECT 2, ${checkpoint * 1_000}::int + n, clock_timestamp(), 'test', '{}' FROM generate_series(1, 1000) n`;
    await database.sql`INSERT INTO ticks (snap) VALUES (pg_current_snapshot())`;
  }
}, 60_000);
afterAll(async () => {
  await node.stop();
  await database.close();
});

const slices = (sql: Sql, ...asks: [room: string, since: number][]) => {
  const reader = createLogReader({ sql, epoch: node.epoch });
  return Promise.all(asks.map(([room, since]) => reader.slice(room, since)));
};

const noFilter = { actor: null, action: null, from: null, to: null, before: null };
const DAY = 24 * 3_600_000;

interface Query {
  what: string;
  /** Rows that may be read. */
  max: number;
  run(sql: Sql): Promise<unknown>;
}

/** What every user may call, or every node does all the time. */
const QUERIES: Query[] = [
  { what: "a join from the very first entry", max: 10, run: (sql) => slices(sql, [BIG.room, 0]) },
  { what: "a join from 1,001 entries ago", max: 10, run: (sql) => slices(sql, [BIG.room, ROWS - 1_001]) },
  { what: "a join from 1,000 entries ago", max: 1_010, run: (sql) => slices(sql, [BIG.room, ROWS - 1_000]) },
  { what: "a join from beyond the head", max: 10, run: (sql) => slices(sql, [BIG.room, ROWS + 1]) },
  { what: "a page of a room's history", max: 60, run: (sql) => pageRoom(sql, BIG.room, 10, 50) },
  { what: "a checkpoint", max: 20, run: (sql) => sql`SELECT log_tick()` },
  {
    what: "the next window of the tail",
    max: 200,
    run: async (sql) => createWindowCache(sql).after(await newest(sql)),
  },
  {
    what: "the next window of a log tail that lags far",
    max: 15_300,
    run: (sql) => createWindowCache(sql).after(farLagging),
  },
  {
    what: "the positions in a window of a log tail that lags far",
    max: 15_300,
    run: (sql) => createWindowCache(sql).seqsAfter(farLagging),
  },
  {
    what: "some entries of a window",
    max: 15_300,
    async run(sql) {
      const { seqsAfter: positionsAfter, entriesAt } = createWindowCache(sql);
      const { to, rooms: positions } = await positionsAfter(farLagging);
      await entriesAt(farLagging, to, [{ ...positions[0]!, seqs: [1, 7] }]);
    },
  },
  {
    what: "where a window of changes ends that lags far",
    max: 5_100,
    run: (sql) => findWindow(sql, farLagging, farLagging),
  },
  {
    what: "an append",
    max: 60,
    run: (sql) =>
      sql`SELECT log_append(ARRAY[${BIG.room}, 'event:new'], ARRAY[1, 3], ARRAY['t', 't'], ARRAY['{}', '{}'], ARRAY['', ''])`,
  },
  {
    what: "a post",
    max: 60,
    run: (sql) =>
      sql`SELECT * FROM post_messages(ARRAY[99999999], ARRAY[7], ARRAY['u1'], ARRAY['new'], ARRAY['hi'], ARRAY[5], ARRAY['{'])`,
  },
  { what: "a channel as its member sees it", max: 300, run: (sql) => viewChannel(sql, BIG.channelId, [BIG.userId]) },
  { what: "unread counts of 994 channels", max: 20_000, run: (sql) => countUnread(sql, BIG.userId) },
  {
    what: "a page of messages",
    max: 300,
    run: (sql) => pageMessages(sql, BIG.channelId, { cursor: "10000", isCursorBelow: false, below: 50, above: 0 }),
  },
  {
    what: "the newest page of messages",
    max: 300,
    run: (sql) =>
      pageMessages(sql, BIG.channelId, { cursor: "9223372036854775807", isCursorBelow: false, below: 50, above: 0 }),
  },
  {
    what: "a page of replies",
    max: 300,
    run: (sql) => pageReplies(sql, "1", { cursor: "10000", isCursorBelow: true, below: 25, above: 25 }),
  },
  {
    what: "a step of erasing what a person said",
    max: 310,
    run: (sql) => findMessagesByAuthor(sql, "u1", "5000", 100),
  },
  {
    what: "a step of erasing a person's name",
    max: 310,
    run: async (sql) =>
      replaceName(sql, (await findLogPartitions(sql))[1]!, "u1", { room_id: BIG.roomId, seq: "5000" }, 100),
  },
  { what: "whether there is an owner", max: 10, run: (sql) => ownerExists(sql) },
  { what: "sessions of a person", max: 60, run: (sql) => listSessions(sql, BIG.userId) },
  { what: "whether a notice was stored before", max: 60, run: (sql) => isAppended(sql, BIG.room, "0123456789abcdef") },
  {
    what: "presence of one room",
    max: 30,
    run: (sql) => createPostgresPresence(sql).read(new Map([["channel:5", null]]), 100),
  },
  {
    what: "a change of presence",
    max: 60,
    run: (sql) =>
      createPostgresPresence(sql).write(
        [
          { room: "channel:5", userId: "u9", username: "x" },
          { room: "channel:6", userId: "u6", username: null },
        ],
        1_000,
      ),
  },
  { what: "a sweep of presence", max: 30, run: (sql) => createPostgresPresence(sql).sweep() },
];

/** What needs the statistics, which a table in use has: what admins and sweeps ask for. */
const PLANNED: Query[] = [
  { what: "the newest acts", max: 60, run: (sql) => readAudit(sql, noFilter, 50) },
  { what: "acts far back", max: 110, run: (sql) => readAudit(sql, { ...noFilter, before: "100" }, 50) },
  {
    what: "acts of a day long ago",
    max: 3_200,
    run: (sql) =>
      readAudit(sql, { ...noFilter, from: new Date(Date.now() - 10 * DAY), to: new Date(Date.now() - 9 * DAY) }, 50),
  },
  {
    what: "rare acts of one person",
    max: 60,
    run: (sql) => readAudit(sql, { ...noFilter, actor: "u2", action: "ban:made" }, 50),
  },
  { what: "the newest bans", max: 200, run: (sql) => listBans(sql, 50, null) },
  { what: "bans far back", max: 200, run: (sql) => listBans(sql, 50, "100") },
  { what: "the newest invitations", max: 60, run: (sql) => listInvites(sql, 50, null) },
  { what: "the addresses of owners", max: 50, run: (sql) => findOwnerAddresses(sql) },
  { what: "sweeping sessions", max: 2_000, run: (sql) => deleteExpiredSessions(sql, 100) },
  ...(["pending", "delivered", "failed", null] as const).map((status) => ({
    what: `${status ?? "all"} deliveries of an endpoint`,
    max: 200,
    run: (sql: Sql) => listDeliveries(sql, { endpointId: BIG.endpointId, status, after: null, limit: 50 }),
  })),
  { what: "how many deliveries wait", max: 3_100, run: (sql) => countPending(sql, null, 1_000) },
  {
    what: "deliveries that are due",
    max: 200,
    run: (sql) => claimDue(sql, { inFlight: new Map(), max: 20, lease: 1_000 }),
  },
  {
    what: "recording a delivery",
    max: 60,
    run: (sql) =>
      insertDeliveries(sql, [
        {
          endpointId: BIG.endpointId,
          webhookId: "w",
          type: "t",
          position: { room: BIG.room, seq: 1, epoch: "e" },
          messageId: null,
          payload: "{}",
          at: null,
          inOrder: true,
        },
      ]),
  },
];

const newest = async (sql: Sql) => {
  const [row] = await sql<{ tick: number }[]>`SELECT max(id)::float8 AS tick FROM ticks`;
  return row!.tick;
};

// The planner chooses by statistics, which a table that has just been filled does not have yet.
describe.each([{ when: "without statistics" }, { when: "with statistics" }])("$when", ({ when }) => {
  beforeAll(async () => {
    if (when === "with statistics") await database.sql`ANALYZE`;
  });
  test.each(when === "with statistics" ? [...QUERIES, ...PLANNED] : QUERIES)(
    "$what reads at most $max rows",
    async ({ max, run }) => {
      expect(await countRowsRead(database.sql, run)).toBeLessThanOrEqual(max);
    },
  );
});

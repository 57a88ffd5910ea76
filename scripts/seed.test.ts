import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { migrateDown, migrateUp, migrationStatus } from "../src/platform/postgres/migrate.ts";
import { SEEDS } from "../src/platform/postgres/migration-sets.ts";
import { type TestDatabase, testDatabase } from "../tests/support/postgres.ts";
import { DEMO_PASSWORD, seedDemo } from "./demo.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

/** What holds for every room whose entries are all there: numbers 1 … head, each message with its own entry. */
async function expectConsistentLog(): Promise<void> {
  const holes = await db.sql`
    SELECT r.name FROM rooms r LEFT JOIN log l ON l.room_id = r.id
    GROUP BY r.id HAVING count(l.seq) <> r.head OR coalesce(min(l.seq), 1) <> 1 OR coalesce(max(l.seq), 0) <> r.head`;
  expect([...holes]).toEqual([]);
  const missing = await db.sql`
    SELECT m.id FROM messages m LEFT JOIN log l ON l.room_id = m.channel_id AND l.seq = m.seq
    WHERE l.type IS DISTINCT FROM 'message:created' OR (l.payload::json ->> 'message_id')::bigint <> m.id
      OR l.payload::json ->> 'content' <> m.content
      OR (l.payload::json ->> 'created_at')::timestamptz IS DISTINCT FROM m.created_at`;
  expect([...missing]).toEqual([]);
}

test("the numbered seeds go up and down, and up again", async () => {
  expect(await migrateUp(db.url, SEEDS)).toEqual(["001 lobby"]);
  await expectConsistentLog();
  expect(await migrateUp(db.url, SEEDS)).toEqual([]);
  expect(await migrateDown(db.url, SEEDS, 1)).toEqual(["001 lobby"]);
  expect(await db.sql`SELECT FROM users`).toHaveLength(0);
  expect(await migrationStatus(db.url, SEEDS)).toEqual([{ version: 1, name: "lobby", applied: false }]);
  await migrateUp(db.url, SEEDS);
});

describe("the demo", () => {
  beforeAll(() => seedDemo(db.sql), 60_000);

  test("has 50 people with phone numbers, 12 channels and 5,000 messages, and no owner among the people", async () => {
    const [row] = await db.sql`
      SELECT count(*)::int AS people, count(DISTINCT phone)::int AS phones, count(*) FILTER (WHERE role <> 'member')::int AS risen,
        (SELECT count(*)::int FROM channels WHERE id <> 1) AS channels,
        (SELECT count(*)::int FROM messages WHERE channel_id <> 1) AS messages
      FROM users WHERE email LIKE '%@demo.example'`;
    expect(row).toEqual({ people: 50, phones: 50, risen: 0, channels: 12, messages: 5000 });
  });

  test("writes to the log what it writes to the tables", expectConsistentLog);

  test("is spread over two weeks, in the order of its ids", async () => {
    const [row] = await db.sql`
      SELECT count(*) FILTER (WHERE created_at < before)::int AS backwards,
        max(created_at) <= now() AND min(created_at) > now() - interval '15 days' AS within,
        extract(days FROM max(created_at) - min(created_at))::int AS days
      FROM (SELECT created_at, lag(created_at) OVER (PARTITION BY channel_id ORDER BY seq) AS before
            FROM messages WHERE channel_id <> 1) m`;
    expect(row).toMatchObject({ backwards: 0, within: true });
    expect(row!.days).toBeGreaterThan(11);
  });

  test("leaves some messages unread, and counts only members", async () => {
    const [row] = await db.sql`
      SELECT count(*) FILTER (WHERE unread_count(m.channel_id, m.user_id, m.read_id) > 0)::int AS with_unread, count(*)::int AS all
      FROM members m WHERE m.channel_id <> 1`;
    expect(row!.with_unread).toBeGreaterThan(20);
    expect(row!.with_unread).toBeLessThan(row!.all / 2);
    const wrong = await db.sql`
      SELECT c.id FROM channels c WHERE member_count <> (SELECT count(*) FROM members m WHERE m.channel_id = c.id)`;
    expect([...wrong]).toEqual([]);
  });

  test("its password is the one that is printed", async () => {
    const [ada] = await db.sql<
      { password_hash: string }[]
    >`SELECT password_hash FROM users WHERE username = 'ada.abel'`;
    expect(await Bun.password.verify(DEMO_PASSWORD, ada!.password_hash)).toBe(true);
  });

  test("is there already when it is asked for again, and nothing is changed", async () => {
    const before = await db.sql`SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM log) AS entries`;
    expect(await seedDemo(db.sql)).toBe(false);
    expect(await db.sql`SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM log) AS entries`).toEqual(
      before,
    );
  });

  test("is refused in a sentence, and leaves nothing, where a channel or a person has one of its names", async () => {
    const other = await testDatabase();
    try {
      await migrateUp(other.url, SEEDS);
      await other.sql`UPDATE channels SET name = 'General', name_key = 'general'`;
      await expect(seedDemo(other.sql)).rejects.toThrow(
        "some of their names exist already: General. Nothing was changed. Rename or delete them",
      );
      const [row] = await other.sql`
        SELECT (SELECT count(*)::int FROM users WHERE email LIKE '%@demo.example') AS people, count(*)::int AS channels FROM channels`;
      expect(row).toEqual({ people: 0, channels: 1 });
      await other.sql`UPDATE channels SET name = 'lobby', name_key = 'lobby'`;
      expect(await seedDemo(other.sql)).toBe(true);
      await other.sql`DELETE FROM messages WHERE seq > 10`;
      await expect(seedDemo(other.sql)).rejects.toThrow("was a seeding interrupted? Nothing was changed.");
    } finally {
      await other.close();
    }
  }, 60_000);
});

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { linkTo, type RedisEngine, startRedis } from "../../../tests/support/engines/redis.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { chooseSeed, seeded } from "../../../tests/support/seeded.ts";
import { findTool, testWith } from "../../../tests/support/tools.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { createMemoryPresence } from "./memory-store.ts";
import { createPostgresPresence } from "./postgres-store.ts";
import { EMPTY_VERSION, type PresenceChange, type PresenceStore } from "./presence-store.ts";
import { createRedisPresence } from "./redis-store.ts";

/** What every store must do, tested on its real server. */
const TTL_MS = 60_000;

let database: TestDatabase;
let redis: RedisEngine | null = null;
const clients: Redis[] = [];

beforeAll(async () => {
  database = await testDatabase();
  if (findTool("redis-server")) redis = await startRedis();
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await redis?.close();
  await database.close();
});

function inRedis(): PresenceStore {
  const client = new Redis(redis!.url, { enableOfflineQueue: true, maxRetriesPerRequest: 0 });
  client.on("error", () => {});
  clients.push(client);
  return createRedisPresence(linkTo(client), "usher:test:");
}

const KINDS = {
  memory: { run: test, node: createMemoryPresence, cluster: false },
  redis: { run: testWith("redis-server"), node: inRedis, cluster: true },
  postgres: { run: test, node: () => createPostgresPresence(database.sql), cluster: true },
};

const here = (room: string, userId: string, username = `name of ${userId}`): PresenceChange => ({
  room,
  userId,
  username,
});
const left = (room: string, userId: string): PresenceChange => ({ room, userId, username: null });

async function readMembers(store: PresenceStore, room: string): Promise<Record<string, string>> {
  const found = await store.read(new Map([[room, null]]), 200);
  return Object.fromEntries(found.get(room)!.members!);
}

async function sweepAll(store: PresenceStore): Promise<void> {
  while (await store.sweep());
}

/** Waits until this node counts as dead: a lease of a millisecond ends soon, but not at once. */
async function die(node: PresenceStore, seenBy: PresenceStore, room: string, left: object): Promise<void> {
  await node.write([], 1);
  await waitUntil("the dead node's people are removed", async () => {
    await sweepAll(seenBy);
    return Bun.deepEquals(await readMembers(seenBy, room), left);
  });
}

for (const [kind, { run, node, cluster }] of Object.entries(KINDS)) {
  describe(kind, () => {
    run("people join and leave, and each time the version changes", async () => {
      const store = node();
      await store.write([here("channel:1", "a"), here("channel:1", "b"), here("channel:2", "a")], TTL_MS);
      expect(await readMembers(store, "channel:1")).toEqual({ a: "name of a", b: "name of b" });
      const { version } = (await store.read(new Map([["channel:1", null]]), 200)).get("channel:1")!;
      expect((await store.read(new Map([["channel:1", version]]), 200)).size).toBe(0);

      expect(await store.write([left("channel:1", "a"), here("channel:2", "c")], TTL_MS)).toBe(true);
      const later = (await store.read(new Map([["channel:1", version]]), 200)).get("channel:1")!;
      expect(later).toMatchObject({ count: 1, members: new Map([["b", "name of b"]]) });
      expect(later.version).not.toBe(version);
      expect((await store.readOwn()).map(({ room, userId }) => `${room} ${userId}`).sort()).toEqual([
        "channel:1 b",
        "channel:2 a",
        "channel:2 c",
      ]);

      await store.write([left("channel:1", "b"), left("channel:1", "absent")], TTL_MS);
      const empty = await store.read(new Map([["channel:1", version]]), 200);
      expect(empty.get("channel:1")).toEqual({ version: EMPTY_VERSION, count: 0, members: new Map() });
      expect((await store.read(new Map([["channel:1", EMPTY_VERSION]]), 200)).size).toBe(0);
    });

    run("the same again changes no count; a name may change, with any letters", async () => {
      const store = node();
      await store.write([here("channel:3", "a")], TTL_MS);
      await store.write([here("channel:3", "a", 'Änne  O\'Brien, née "Ü" 🎈')], TTL_MS);
      const found = (await store.read(new Map([["channel:3", null]]), 200)).get("channel:3")!;
      expect(found).toMatchObject({ count: 1, members: new Map([["a", 'Änne  O\'Brien, née "Ü" 🎈']]) });
      await store.write([left("channel:3", "a")], TTL_MS);
      expect(await readMembers(store, "channel:3")).toEqual({});
    });

    run("a room with more people than the maximum has a count and no list", async () => {
      const store = node();
      const all = Array.from({ length: 301 }, (_, i) => here("channel:4", `u${i}`));
      await store.write(all, TTL_MS);
      const full = (await store.read(new Map([["channel:4", null]]), 300)).get("channel:4")!;
      expect(full).toMatchObject({ count: 301, members: null });
      await store.write([left("channel:4", "u0")], TTL_MS);
      const listed = (await store.read(new Map([["channel:4", full.version]]), 300)).get("channel:4")!;
      expect(listed.members?.size).toBe(300);
    });

    if (!cluster) return;

    run("a person on two nodes counts once, and has left when they are on neither", async () => {
      const [one, other] = [node(), node()];
      await one.write([here("channel:5", "a")], TTL_MS);
      await other.write([here("channel:5", "a"), here("channel:5", "b")], TTL_MS);
      expect(await one.read(new Map([["channel:5", null]]), 0)).toMatchObject(
        new Map([["channel:5", { count: 2, members: null }]]),
      );
      await one.write([left("channel:5", "a")], TTL_MS);
      expect(Object.keys(await readMembers(one, "channel:5")).sort()).toEqual(["a", "b"]);
      await other.write([left("channel:5", "a")], TTL_MS);
      expect(await readMembers(one, "channel:5")).toEqual({ b: "name of b" });
      expect((await one.read(new Map([["channel:5", null]]), 0)).get("channel:5")?.count).toBe(1);
    });

    run("a node is unknown at first, and again after its lease; a live one sweeps what it left", async () => {
      const [dying, live] = [node(), node()];
      expect(
        await dying.write(
          Array.from({ length: 1_500 }, (_, i) => here("channel:6", `u${i}`)),
          TTL_MS,
        ),
      ).toBe(false);
      expect(await live.write([here("channel:6", "u7"), here("channel:6", "x")], TTL_MS)).toBe(false);
      await sweepAll(live);
      expect((await live.read(new Map([["channel:6", null]]), 0)).get("channel:6")?.count).toBe(1_501);
      await die(dying, live, "channel:6", { u7: "name of u7", x: "name of x" });
      expect(await dying.readOwn()).toEqual([]);
      expect(await dying.write([], TTL_MS)).toBe(false);
      expect(await dying.write([], TTL_MS)).toBe(true);
      expect(await live.write([], TTL_MS)).toBe(true);
    });

    run("many nodes at once: counts and lists are what was written, and no call waits for ever", async () => {
      const seed = chooseSeed(`presence in ${kind}`);
      const random = seeded(seed);
      const nodes = Array.from({ length: 4 }, node);
      const rooms = ["channel:20", "channel:21", "channel:22", "channel:23"];
      const truth = nodes.map(() => new Set<string>());
      const work = nodes.map(async (store, n) => {
        for (let write = 0; write < 40; write++) {
          const changes = new Map<string, PresenceChange>();
          for (let i = random.int(0, 12); i > 0; i--) {
            const [room, userId] = [rooms[random.int(0, 3)]!, `u${random.int(0, 9)}`];
            changes.set(`${room} ${userId}`, random.chance(0.5) ? here(room, userId) : left(room, userId));
          }
          await store.write([...changes.values()], TTL_MS);
          for (const [key, { username }] of changes) username === null ? truth[n]!.delete(key) : truth[n]!.add(key);
        }
      });
      await Promise.all(work);
      for (const room of rooms) {
        const present = new Set(truth.flatMap((set) => [...set].filter((key) => key.startsWith(`${room} `))));
        const expected = [...present].map((key) => key.slice(room.length + 1)).sort();
        expect(Object.keys(await readMembers(nodes[0]!, room)).sort()).toEqual(expected);
        const found = await nodes[0]!.read(new Map([[room, null]]), -1);
        expect(found.get(room)?.count).toBe(expected.length);
      }
    });
  });
}

testWith("redis-server")("redis: who was cut off from it takes nothing for known", async () => {
  const store = inRedis();
  await store.write([here("channel:7", "a")], TTL_MS);
  expect(await store.write([], TTL_MS)).toBe(true);
  await redis!.cli("client", "kill", "type", "normal");
  await waitUntil("it is there again", () => store.readOwn());
  expect(await store.write([], TTL_MS)).toBe(false);
  expect(await store.write([], TTL_MS)).toBe(true);
  await redis!.cli("flushall");
  expect(await store.write([], TTL_MS)).toBe(false);
});

test("postgres: its tables are empty after a crash, and a room's row is deleted with the last person", async () => {
  const kinds = await database.sql`
    SELECT relname, relpersistence::text AS persistence FROM pg_class WHERE relname IN ('presence', 'presence_rooms', 'presence_nodes')`;
  expect(kinds.map(({ persistence }) => persistence)).toEqual(["u", "u", "u"]);
  const store = createPostgresPresence(database.sql);
  await store.write([here("channel:8", "a")], TTL_MS);
  await store.write([left("channel:8", "a")], TTL_MS);
  expect(await database.sql`SELECT FROM presence_rooms WHERE room = 'channel:8'`).toHaveLength(0);
});

import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { linkTo, type RedisEngine, startRedis } from "../../../tests/support/engines/redis.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { chooseSeed, type Seeded, seeded } from "../../../tests/support/seeded.ts";
import { findTool, testWith } from "../../../tests/support/tools.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { createPostgresPresence } from "./postgres-store.ts";
import type { PresenceStore } from "./presence-store.ts";
import { createRedisPresence } from "./redis-store.ts";
import { type TestConnection, TestNode } from "./test-node.ts";

/**
 * Four nodes on one store, with shorter times than in production. People join, leave and move between nodes; nodes are killed and
 * new ones started; the store goes away and loses data. Some people are steady: they are always back well within the grace. In
 * the end every watcher must have the right list, and no watcher may ever have seen a steady person leave.
 */
const TIMES = { interval: 40, grace: 2_000, ttl: 4_000, settle: 2_000, countInterval: 200 };
/** Maximum time that a steady person is away. The rest of the grace is slack for a busy machine: all nodes share this process. */
const AWAY_MS = 150;
/** Maximum length of an outage: longer than `ttl`, so that every node counts as dead. */
const OUTAGE_MS = TIMES.ttl + 500;
const ROOMS = ["channel:1", "channel:2", "channel:3"];
const STEADY = ["s1", "s2", "s3", "s4"];
const STEPS = 120;

/** A store that the test breaks, and how a node connects to it. */
interface Engine {
  node(): PresenceStore;
  /** One outage, from start to end. */
  trouble(random: Seeded): Promise<void>;
}

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

const inRedis = (): Engine => ({
  node() {
    const options = { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 300 };
    const client = new Redis(redis!.url, { ...options, retryStrategy: () => 50 });
    client.on("error", () => {});
    clients.push(client);
    return createRedisPresence(linkTo(client), "usher:test:");
  },
  async trouble(random) {
    const kind = random.int(0, 2);
    if (kind === 0) redis!.pause();
    else if (kind === 1) await redis!.kill();
    else await redis!.cli("flushall");
    await Bun.sleep(random.int(0, OUTAGE_MS));
    if (kind === 0) redis!.resume();
    else if (kind === 1) await redis!.start();
  },
});

/** A crash of PostgreSQL empties unlogged tables; here only that happens, so that other tests can use the server. */
const inPostgres = (): Engine => {
  let away = false;
  const unlessAway = <T>(call: () => Promise<T>) => (away ? Promise.reject(new Error("away")) : call());
  return {
    node() {
      const store = createPostgresPresence(database.sql);
      return {
        kind: store.kind,
        write: (changes, life) => unlessAway(() => store.write(changes, life)),
        readOwn: () => unlessAway(() => store.readOwn()),
        sweep: () => unlessAway(() => store.sweep()),
        read: (known, max) => unlessAway(() => store.read(known, max)),
      };
    },
    async trouble(random) {
      away = true;
      if (random.chance(0.5)) await database.sql.unsafe("TRUNCATE presence, presence_rooms, presence_nodes");
      await Bun.sleep(random.int(0, OUTAGE_MS));
      away = false;
    },
  };
};

class World {
  nodes: TestNode[] = [];
  readonly random: Seeded;
  readonly #engine: Engine;
  /** A watcher of each room on the first two nodes, which live to the end. */
  readonly watchers: { room: string; client: TestConnection }[] = [];
  readonly #homes = new Map<TestConnection, TestNode>();
  /** By `person room`: the people who are present for certain, once nothing changes any more. */
  readonly #open = new Map<string, TestConnection[]>();

  constructor(engine: Engine, random: Seeded) {
    this.#engine = engine;
    this.random = random;
    for (let i = 0; i < 4; i++) this.nodes.push(this.#start());
    for (const node of this.nodes.slice(0, 2))
      for (const room of ROOMS) {
        const client = node.open("watcher");
        client.join(room, true);
        this.watchers.push({ room, client });
      }
  }

  #start(): TestNode {
    return new TestNode(this.#engine.node(), TIMES);
  }

  enter(person: string, room: string, node = this.nodes[this.random.int(0, 3)]!): void {
    const client = node.open(person);
    client.join(room);
    this.#homes.set(client, node);
    const key = `${person} ${room}`;
    this.#open.set(key, [...(this.#open.get(key) ?? []), client]);
  }

  leave(person: string, room: string): void {
    const [client, ...others] = this.#open.get(`${person} ${room}`) ?? [];
    this.#open.set(`${person} ${room}`, others);
    if (client === undefined) return;
    this.#homes.delete(client);
    client.close();
  }

  /** Its people are disconnected; the steady ones come back on other nodes. */
  async killOne(): Promise<void> {
    const index = this.random.int(2, 3);
    const dead = this.nodes[index]!;
    this.enter("doomed", ROOMS[0]!, dead);
    const sees = ({ room, client }: World["watchers"][number]) => client.present(room)?.includes("doomed");
    await waitUntil("a person who will not come back is listed", () =>
      this.watchers.every((watcher) => watcher.room !== ROOMS[0] || sees(watcher)),
    );
    dead.kill();
    this.nodes[index] = this.#start();
    for (const [key, all] of this.#open) {
      const lost = all.filter((client) => this.#homes.get(client) === dead);
      if (lost.length === 0) continue;
      this.#open.set(
        key,
        all.filter((client) => !lost.includes(client)),
      );
      const [person = "", room = ""] = key.split(" ");
      if (STEADY.includes(person)) this.enter(person, room, this.nodes[this.random.int(0, 1)]);
    }
  }

  async step(): Promise<void> {
    const { random } = this;
    const room = ROOMS[random.int(0, 2)]!;
    if (random.chance(0.3)) {
      const person = STEADY[random.int(0, 3)]!;
      this.leave(person, room);
      await Bun.sleep(random.int(0, AWAY_MS));
      this.enter(person, room);
    } else {
      const person = `w${random.int(0, 7)}`;
      if (random.chance(0.5)) this.enter(person, room);
      else this.leave(person, room);
      await Bun.sleep(random.int(0, 40));
    }
  }

  truth(room: string): string[] {
    const present = [...this.#open].filter(([key, all]) => key.endsWith(` ${room}`) && all.length > 0);
    return ["watcher", ...present.map(([key]) => key.slice(0, key.indexOf(" ")))].sort();
  }

  async stop(): Promise<void> {
    for (const { presence } of this.nodes) await presence.stop();
  }
}

async function live(kind: string, engine: Engine): Promise<void> {
  const world = new World(engine, seeded(chooseSeed(`presence over nodes, ${kind}`)));
  for (const person of STEADY) for (const room of ROOMS) world.enter(person, room);
  const seenBy = ({ room, client }: World["watchers"][number]) => client.present(room) ?? [];
  await waitUntil("every watcher sees the steady ones", () =>
    world.watchers.every((watcher) => STEADY.every((person) => seenBy(watcher).includes(person))),
  );
  const troubles: Promise<void>[] = [];
  for (let step = 0; step < STEPS; step++) {
    await world.step();
    if (step === 30 || step === 110) await world.killOne();
    if (step === 50 || step === 90) {
      await Promise.all(troubles);
      troubles.push(engine.trouble(world.random));
    }
  }
  await Promise.all(troubles);
  for (const watcher of world.watchers) {
    const truth = world.truth(watcher.room);
    await waitUntil(`the watcher of ${watcher.room} knows ${truth}`, () => Bun.deepEquals(seenBy(watcher), truth));
    const left = watcher.client.frames
      .filter(({ type }) => type === "room:member_left")
      .flatMap(({ payload }) => payload.members ?? []);
    expect(left.filter(({ user_id }) => STEADY.includes(user_id))).toEqual([]);
  }
  for (const room of ROOMS) {
    const { members } = await world.nodes[3]!.presence.get(room);
    expect(members?.map(({ user_id }) => user_id).sort()).toEqual(world.truth(room));
  }
  await world.stop();
}

testWith("redis-server")(
  "PR-2 PR-4 PR-5 four nodes on Redis: kills, outages and random people end in the right lists",
  () => live("redis", inRedis()),
  60_000,
);

test(
  "PR-2 PR-4 PR-5 four nodes on PostgreSQL: kills, outages and random people end in the right lists",
  () => live("postgres", inPostgres()),
  60_000,
);

import { expect, test } from "bun:test";
import { NO_METRICS, stubSocket } from "../../../tests/support/hub-stubs.ts";
import { chooseSeed, type Seeded, seeded } from "../../../tests/support/seeded.ts";
import type { UserCaller } from "../../platform/caller.ts";
import type { LogEntry, LogSlice } from "../../platform/log/entry.ts";
import { Connection } from "../connections/connection.ts";
import { FrameSender } from "../connections/frame-sender.ts";
import { Joins } from "../recovery/join.ts";
import { Repair } from "../recovery/repair.ts";
import { Policies } from "./policies.ts";
import type { Room } from "./room.ts";
import { RoomRegistry } from "./room-registry.ts";

/**
 * One person with several connections, all live in their own room without a join; now and then one joins it from a position, or
 * without one. Entries come late, disordered and repeatedly, reads fail. From its join on each connection sees every entry once and
 * in order, and one that never joined sees no hole behind the first.
 */
const ROOM = "user:ann";
const SEEDS = 30;
const CLIENTS = 3;
const COMMITS = 150;
const NO_LOGGER = { warn() {}, error() {} };
const ANN: UserCaller = {
  kind: "user",
  userId: "ann",
  username: "ann",
  role: "member",
  sessionId: null,
  expiresAt: null,
};

type LiveIn = (rooms: RoomRegistry, room: Room) => readonly Connection[];

class World {
  readonly log: LogEntry[] = [];
  readonly problems: string[] = [];
  readonly random: Seeded;
  readonly rooms: RoomRegistry;
  readonly joins: Joins;
  over = false;

  constructor(seed: number, liveIn: LiveIn) {
    this.random = seeded(seed);
    const sender = new FrameSender(NO_METRICS);
    const show = (room: Room, type: string, frame: string) => {
      for (const connection of liveIn(this.rooms, room)) sender.send(connection, type, frame);
    };
    const log = {
      slice: (_room: string, since: number) => this.#slice(since),
      heads: async () => new Map([[ROOM, (await this.#slice(0)).head]]),
    };
    const shared = { log, metrics: NO_METRICS, logger: NO_LOGGER, epoch: () => "e" };
    const isOpen = (room: Room) => this.rooms.get(room.name) === room;
    const repair = new Repair({ ...shared, isOpen, broadcast: show, onSkipped: () => {} });
    this.rooms = new RoomRegistry({ onFrame: show, onPublished() {}, onGap: (room) => repair.scheduleFill(room) });
    this.joins = new Joins({ ...shared, rooms: this.rooms, sender, policies: new Policies(), roomsPerConnection: 10 });
  }

  sleep(most: number): Promise<void> {
    return Bun.sleep(this.random.next() * most);
  }

  async #slice(since: number): Promise<LogSlice> {
    await this.sleep(5);
    if (this.random.chance(0.1)) throw new Error("the database is away");
    const head = this.log.length;
    const entries = this.log.slice(since);
    await this.sleep(5);
    return { room: ROOM, head, entries: since <= head ? entries : [], complete: since <= head };
  }

  /** Told by the broker, mostly; and by the tail, always. */
  commit(): void {
    const entry = { room: ROOM, seq: this.log.length + 1, type: "t", payload: "{}" };
    this.log.push(entry);
    if (this.random.chance(0.9)) void this.sleep(25).then(() => this.rooms.ingest([entry]));
    void this.sleep(40).then(() => this.rooms.ingest([entry]));
  }
}

/** What one connection has seen, and what it must see next. */
class Seen {
  last: number | null = null;
  /** Null: it did not join, or in vain. */
  next: number | null = null;
  joined = false;
  /** Between a join and its answer. */
  asking = false;
  open = true;
  readonly #problems: string[];

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  take(text: string): number {
    const { seq } = JSON.parse(text);
    if (!this.open || seq === undefined) return text.length;
    const { last, next, joined } = this;
    if (this.asking) this.#problems.push(`${seq} came before the answer`);
    if (next !== null ? seq !== next : last !== null && (joined ? seq <= last : seq !== last + 1))
      this.#problems.push(`${seq} came after ${last}, not ${next}`);
    if (next !== null) this.next = seq + 1;
    this.last = seq;
    return text.length;
  }
}

async function connection(world: World): Promise<void> {
  const { rooms, random, problems } = world;
  const seen = new Seen(problems);
  const socket = stubSocket({
    send: (text) => seen.take(text),
  });
  const made = new Connection(1, ANN, 0, 100);
  made.socket = socket;
  rooms.userConnections.add("ann", made);
  const end = performance.now() + random.int(10, 150);
  while (performance.now() < end) {
    await world.sleep(20);
    if (!random.chance(0.4)) continue;
    const position = seen.last ?? Math.max(0, world.log.length - random.int(0, 10));
    const since = random.chance(0.7) ? position : null;
    seen.joined = true;
    seen.next = null;
    seen.asking = true;
    const answered = world.joins.join(made, [{ room: ROOM, since }], ([outcome]) => {
      seen.asking = false;
      seen.next = (outcome!.recovered ? since! : outcome!.seq) + 1;
    });
    await answered.catch(() => {});
    seen.asking = false;
  }
  const head = world.log.length;
  const patience = performance.now() + 5_000;
  while (seen.next !== null && seen.next <= head && performance.now() < patience) await Bun.sleep(3);
  if (seen.next !== null && seen.next <= head) problems.push(`stays before ${seen.next} of ${head}`);
  seen.open = false;
  made.socket = null;
  rooms.userConnections.remove("ann", made);
  rooms.leaveAll(made);
  made.notifyDrained();
  if (random.chance(0.3)) rooms.evictIdle();
}

async function simulate(seed: number, liveIn: LiveIn): Promise<string[]> {
  const world = new World(seed, liveIn);
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!world.over && world.problems.length === 0) await connection(world);
  });
  for (let i = 0; i < COMMITS; i++) {
    world.commit();
    await world.sleep(12);
  }
  world.over = true;
  await Promise.all(clients);
  return world.problems.slice(0, 1).map((problem) => `seed ${seed}: ${problem}`);
}

async function problemsOf(first: number, count: number, liveIn: LiveIn): Promise<string[]> {
  return (await Promise.all(Array.from({ length: count }, (_, i) => simulate(first + i, liveIn)))).flat();
}

test("CN-7 JN-4 in a person's own room every connection sees every entry once and in order, joined or not", async () => {
  expect(await problemsOf(chooseSeed("own rooms"), SEEDS, (rooms, room) => rooms.getLiveConnections(room))).toEqual([]);
}, 60_000);

test("CN-7 the simulation finds the fault of showing entries to who is on the way in again", async () => {
  // A few worlds at a time until one shows it: each alone finds it nine times in ten, so all thirty miss it never.
  for (let seed = chooseSeed("own rooms"), end = seed + SEEDS; seed < end; seed += 5) {
    if ((await problemsOf(seed, 5, (rooms) => rooms.userConnections.get("ann"))).length > 0) return;
  }
  expect.unreachable(`none of ${SEEDS} worlds showed the fault`);
}, 60_000);

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
 * One person with several connections, all live in their own room without a join; some join it from a position, or without one.
 * Entries come late, reordered and repeatedly, reads fail. From its join on each connection gets every entry once and in order, and
 * one that never joined gets no gap after the first.
 */
const ROOM = "user:ann";
const SEEDS = 30;
/** The first of the worlds in which the planted fault is looked for. */
const FAULT_SEED = 1;
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

type GetLive = (rooms: RoomRegistry, room: Room) => readonly Connection[];

class World {
  readonly log: LogEntry[] = [];
  readonly problems: string[] = [];
  readonly random: Seeded;
  readonly rooms: RoomRegistry;
  readonly joins: Joins;
  over = false;

  constructor(seed: number, getLive: GetLive) {
    this.random = seeded(seed);
    const sender = new FrameSender(NO_METRICS);
    const publish = (room: Room, type: string, frame: string) => {
      for (const connection of getLive(this.rooms, room)) sender.send(connection, type, frame);
    };
    const log = {
      slice: (_room: string, since: number) => this.#slice(since),
      heads: async () => new Map([[ROOM, (await this.#slice(0)).head]]),
    };
    const shared = { log, metrics: NO_METRICS, logger: NO_LOGGER, epoch: () => "e" };
    const isOpen = (room: Room) => this.rooms.get(room.name) === room;
    const repair = new Repair({ ...shared, isOpen, broadcast: publish, onSkipped: () => {} });
    this.rooms = new RoomRegistry({ onFrame: publish, onPublished() {}, onGap: (room) => repair.scheduleFill(room) });
    this.joins = new Joins({ ...shared, rooms: this.rooms, sender, policies: new Policies(), roomsPerConnection: 10 });
  }

  sleep(maxMs: number): Promise<void> {
    return Bun.sleep(this.random.next() * maxMs);
  }

  async #slice(since: number): Promise<LogSlice> {
    await this.sleep(5);
    if (this.random.chance(0.1)) throw new Error("the database is away");
    const head = this.log.length;
    const entries = this.log.slice(since);
    await this.sleep(5);
    return { room: ROOM, head, entries: since <= head ? entries : [], complete: since <= head };
  }

  /** Brought by the broker most of the time, and by the log tail always. */
  commit(): void {
    const entry = { room: ROOM, seq: this.log.length + 1, type: "t", payload: "{}" };
    this.log.push(entry);
    if (this.random.chance(0.9)) void this.sleep(25).then(() => this.rooms.ingest([entry]));
    void this.sleep(40).then(() => this.rooms.ingest([entry]));
  }
}

/** What one connection has got, and what must come next. */
class Received {
  last: number | null = null;
  /** Null: it did not join, or its join failed. */
  next: number | null = null;
  joined = false;
  /** Between a join and its reply. */
  isJoining = false;
  open = true;
  readonly #problems: string[];

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  take(text: string): number {
    const { seq } = JSON.parse(text);
    if (!this.open || seq === undefined) return text.length;
    const { last, next, joined } = this;
    if (this.isJoining) this.#problems.push(`${seq} came before the reply`);
    if (next !== null ? seq !== next : last !== null && (joined ? seq <= last : seq !== last + 1))
      this.#problems.push(`${seq} came after ${last}, not ${next}`);
    if (next !== null) this.next = seq + 1;
    this.last = seq;
    return text.length;
  }
}

async function connection(world: World): Promise<void> {
  const { rooms, random, problems } = world;
  const received = new Received(problems);
  const socket = stubSocket({
    send: (text) => received.take(text),
  });
  const made = new Connection(1, ANN, 0, 100);
  made.socket = socket;
  rooms.userConnections.add("ann", made);
  const end = performance.now() + random.int(10, 150);
  while (performance.now() < end) {
    await world.sleep(20);
    if (!random.chance(0.4)) continue;
    const position = received.last ?? Math.max(0, world.log.length - random.int(0, 10));
    const since = random.chance(0.7) ? position : null;
    received.joined = true;
    received.next = null;
    received.isJoining = true;
    const joining = world.joins.join(made, [{ room: ROOM, since }], ([outcome]) => {
      received.isJoining = false;
      received.next = (outcome!.recovered ? since! : outcome!.seq) + 1;
    });
    await joining.catch(() => {});
    received.isJoining = false;
  }
  const head = world.log.length;
  const deadline = performance.now() + 5_000;
  while (received.next !== null && received.next <= head && performance.now() < deadline) await Bun.sleep(3);
  if (received.next !== null && received.next <= head) problems.push(`stays before ${received.next} of ${head}`);
  received.open = false;
  made.socket = null;
  rooms.userConnections.remove("ann", made);
  rooms.leaveAll(made);
  made.notifyDrained();
  if (random.chance(0.3)) rooms.evictIdle();
}

async function simulate(seed: number, getLive: GetLive): Promise<string[]> {
  const world = new World(seed, getLive);
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

async function findProblems(first: number, count: number, getLive: GetLive): Promise<string[]> {
  return (await Promise.all(Array.from({ length: count }, (_, i) => simulate(first + i, getLive)))).flat();
}

test("CN-7 JN-4 in a person's own room every connection gets every entry once and in order, joined or not", async () => {
  const getLive: GetLive = (rooms, room) => room.selectLive(rooms.userConnections.get("ann"));
  expect(await findProblems(chooseSeed("own rooms"), SEEDS, getLive)).toEqual([]);
}, 60_000);

test("CN-7 the simulation finds the fault of sending entries to connections with a pending join", async () => {
  // A few worlds at a time until one has the fault: each finds it nine times in ten, so thirty never miss it.
  for (let seed = FAULT_SEED; seed < FAULT_SEED + SEEDS; seed += 5) {
    if ((await findProblems(seed, 5, (rooms) => rooms.userConnections.get("ann"))).length > 0) return;
  }
  expect.unreachable(`none of ${SEEDS} worlds showed the fault`);
}, 60_000);

import { setTimeout as sleep } from "node:timers/promises";
import type { ISql, Sql } from "../postgres/sql.ts";
import { type Bell, createBell } from "./bell.ts";
import type { Epoch } from "./epoch.ts";
import { presentTick, ReaderMoved, type ReaderTick, storedTick } from "./reader-ticks.ts";
import { createWindows, type TailEntry, TickGone } from "./windows.ts";

/** Somebody who must see every entry of every room: once, in order per room, also those that committed late. */
export interface TailReader {
  name: string;
  /** `stored`: goes on where it stopped, also after a restart. `now`: begins with this process. */
  from: "stored" | "now";
  /**
   * Whether it needs what this entry says. Asked of each entry, and what it says no to is not read from the database; it must say
   * yes until the entry is of no use any more. Left out: it needs all.
   */
  takes?(room: string, seq: number): boolean;
  /**
   * Of every window in which something came, also when nothing of it was taken. Awaited. A failure is tried again with back-off, and
   * holds up this reader alone.
   */
  handle(batch: TailBatch): Promise<void>;
  /**
   * For `now`: the log went back in time, or this reader fell out of it; what it missed is not told. Compare heads.
   * Awaited, and tried again as `handle` is, before the reader goes on.
   */
  interrupted?(): Promise<void>;
}

export interface TailBatch {
  /** In order of seq within each room; what the reader does not take is not among them. */
  entries: readonly TailEntry[];
  /**
   * Moves a stored reader's tick within the handler's own transaction, so that its effects happen exactly once. Let its error
   * through: with the same reader on several nodes it says that another one had this batch.
   * Without this call entries come at least once: the tick moves after the handler has returned.
   */
  move(sql: ISql): Promise<void>;
}

export interface Tail {
  /** Resolves once the reader's beginning is fixed: every entry committed after that will be told. */
  read(reader: TailReader): Promise<void>;
  /** Something was committed, here or elsewhere: look soon. Cheap enough for every commit. */
  nudge(): void;
  /** Asked before each pause: whether nothing but the looks tells of what other nodes commit. A quiet log is then looked at more often. */
  hurryWhile(alone: () => boolean): void;
  /** Seconds since the last moment up to which every reader has seen all of the log; about one while nothing happens. */
  lag(): number;
  /** Resolves when all handlers have returned. */
  stop(): Promise<void>;
}

/** log_tick() makes at most one tick in this time, so looking more often is of no use. */
const TICK_MS = 80;
/** Pause when nothing happens. What is not told otherwise is seen so late, and may be at most a second late. */
const IDLE_MS = 800;
/** The same for whoever is told nothing. */
const ALONE_MS = 160;
/** Looks without news before the pace slackens. */
const PATIENCE = 5;
/** Pause of a stored reader that another process was ahead of. */
const STEP_BACK_MS = 1_000;
const FIRST_BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 30_000;

/** A reader under way. */
interface Follower {
  reader: TailReader;
  /** Null: it is not known, or not its turn. */
  at: number | null;
  seenAt: number;
  /** Of the last window it took more than half. */
  tookMost: boolean;
}

/**
 * Follows the log by ticks. One look per 80 ms while there is something to tell (one per 800 ms when nothing happens, or 160 ms for a node that nothing else wakes) and one
 * fetch per window, handed to all readers that want all of it; each has a tick of its own.
 */
export function createTail({
  sql,
  epoch,
  onError,
}: {
  sql: Sql;
  epoch: Epoch;
  /** Told of every failed look (`reader` is null) and every failed batch; both are tried again. */
  onError: (error: unknown, reader: string | null) => void;
}): Tail {
  let windows = createWindows(sql);
  const bells = new Set<Bell>();
  const backoffs = new Set<Bell>();
  const slack = createBell();
  const loops: Promise<void>[] = [];
  let stopped = false;
  let latest = 0;
  /** When the last look was sent, and with each reader the look up to which it has seen everything; ms of performance.now. */
  let lookedAt = performance.now();
  const followers = new Set<Follower>();
  /** Counts how often the log went back in time: ticks in memory from before mean nothing then. */
  let life = 0;
  /** As the last look saw it: others may observe a new one before. */
  let seenEpoch = epoch.current();
  let quiet = 0;
  let alone = () => false;

  async function look(): Promise<void> {
    const sent = performance.now();
    const [row] = await sql<{ tick: number; epoch: string }[]>`SELECT log_tick()::float8 AS tick, log_epoch() AS epoch`;
    const wentBack = row!.epoch !== seenEpoch || row!.tick < latest;
    if (wentBack) {
      life++;
      windows = createWindows(sql); // what is kept there is of the life before
    }
    seenEpoch = row!.epoch;
    epoch.observe(row!.epoch);
    quiet = wentBack || row!.tick !== latest ? 0 : quiet + 1;
    latest = row!.tick;
    lookedAt = sent;
    for (const each of followers) if (each.at !== null && each.at >= latest && !wentBack) each.seenAt = sent;
    if (quiet === 0) for (const bell of bells) bell.ring();
  }

  async function keepLooking(): Promise<void> {
    while (!stopped) {
      let idle = IDLE_MS;
      try {
        await look();
        if (alone()) idle = ALONE_MS;
      } catch (error) {
        quiet++;
        onError(error, null);
      }
      await sleep(TICK_MS);
      const more = quiet < PATIENCE ? 0 : Math.min(idle, TICK_MS * 2 ** (quiet - PATIENCE + 1)) - TICK_MS;
      if (more > 0 && !stopped) await slack.sleep(more);
    }
  }

  async function follow(reader: TailReader, tick: ReaderTick, begin: number): Promise<void> {
    const bell = createBell();
    bells.add(bell);
    // Of its own: what others commit meanwhile must not end it.
    const backoff = createBell();
    backoffs.add(backoff);
    let at: number | null = begin;
    const follower: Follower = { reader, at, seenAt: performance.now(), tookMost: false };
    followers.add(follower);
    let mine = life;
    let missed = false;
    let failures = 0;
    while (!stopped) {
      follower.at = at;
      if (at !== null && latest <= at && mine === life) {
        follower.seenAt = lookedAt;
        await bell.sleep(MOST_BACKOFF_MS);
        continue;
      }
      try {
        if (at === null || mine !== life) {
          missed ||= mine !== life;
          mine = life;
          at = null;
          const next = await tick.load();
          if (missed) await reader.interrupted?.();
          missed = false;
          at = next;
          continue;
        }
        at = await step(follower, tick, at);
        failures = 0;
      } catch (error) {
        if (error instanceof ReaderMoved) {
          // The same reader on another node was quicker. It goes on with what comes next, and this one looks now and then whether it
          // still does: if all ran for each batch, each would read the whole log.
          at = null;
          follower.at = null;
          if (!stopped) await backoff.sleep(STEP_BACK_MS);
          continue;
        }
        onError(error, reader.name);
        if (error instanceof TickGone) mine = -1;
        else if (reader.from === "stored") at = null; // the handler may have moved it, or another process has
        if (!stopped) await backoff.sleep(Math.min(MOST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures++));
      }
    }
  }

  async function step(follower: Follower, tick: ReaderTick, from: number): Promise<number> {
    const { to, count, entries } = await take(follower, from);
    if (to === from) return from;
    let moved = false;
    const move = async (tx: ISql) => {
      await tick.move(tx, from, to);
      moved = true;
    };
    if (count > 0) await follower.reader.handle({ entries, move });
    if (!moved) await move(sql);
    return to;
  }

  /** What a reader takes of the next window. Where most of it is wanted, or all by another reader, all is fetched at once. */
  async function take(follower: Follower, from: number) {
    const { takes } = follower.reader;
    const isWhole = ({ reader, at }: Follower) => reader.takes === undefined && at === from;
    if (takes === undefined || follower.tookMost || [...followers].some(isWhole)) {
      const { to, entries } = await windows.after(from);
      const taken = takes === undefined ? entries : entries.filter(({ room, seq }) => takes(room, seq));
      follower.tookMost = taken.length * 2 > entries.length;
      return { to, count: entries.length, entries: taken };
    }
    const { to, places } = await windows.placesAfter(from);
    const taken = places.flatMap(({ seqs, ...place }) => {
      const some = seqs.filter((seq) => takes(place.room, seq));
      return some.length === 0 ? [] : [{ ...place, seqs: some }];
    });
    const [count, most] = [places, taken].map((each) => each.reduce((sum, { seqs }) => sum + seqs.length, 0));
    follower.tookMost = most! * 2 > count!;
    return { to, count: count!, entries: taken.length === 0 ? [] : await windows.entriesAt(from, to, taken) };
  }

  return {
    async read(reader) {
      const tick = reader.from === "stored" ? storedTick(sql, reader.name) : presentTick(sql);
      const begin = await tick.load();
      if (loops.length === 0) loops.push(keepLooking());
      loops.push(follow(reader, tick, begin));
    },
    nudge() {
      quiet = 0;
      slack.ring();
    },
    hurryWhile(asked) {
      alone = asked;
    },
    lag: () => Math.max(0, performance.now() - Math.min(lookedAt, ...[...followers].map((f) => f.seenAt))) / 1_000,
    async stop() {
      stopped = true;
      slack.ring();
      for (const bell of [...bells, ...backoffs]) bell.ring();
      await Promise.all(loops);
    },
  };
}
